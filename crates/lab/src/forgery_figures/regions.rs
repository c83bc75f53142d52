//! What a report's maps show on genuine faces, and how much of it lies on the face where one was
//! swapped.
//!
//! The decision that shapes it: counted is what a report draws, by the level that it draws by: one
//! face of a photograph, and of a clip its most suspicious stretch. Genuine files are those of the
//! test split. Side-by-side clips are judged by the networks that did not see their people, and by
//! levels that were learned without the real halves of that part; a report of such a clip may be
//! more certain than this, because two of the four files behind its network have learned from its
//! people.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use assay_detect::null_levels::{Kind, NullLevels, NullMap};
use assay_detect::{MapId, maps};
use assay_faces::DetectorWeights;
use assay_faces::judged::MAP_SIDE;
use assay_faces::stretches::log_mean;

use super::{Bench, sets};
use crate::face_calibration;
use assay_bench::collections::Split;
use assay_bench::collections::folds::{Folds, Unseen};
use assay_bench::datasets::{Label, Part};
use assay_bench::judge::Score;
use assay_bench::map_units::{self, Unit};
use assay_bench::metrics::Rate;

/// The maps that the tables name.
const BLEND_MASK: MapId = MapId { detector: "face_manipulation", map: "blend_mask" };
const MANIPULATED: MapId = MapId { detector: "face_manipulation", map: "class_activation" };
const GENERATED: MapId = MapId { detector: "face_synthesis", map: "class_activation" };

/// What some units show on one map.
#[derive(Clone, Copy, Default)]
struct OnMap {
    /// Units with a place above the level.
    with: usize,
    /// Places above it.
    places: f64,
    /// Of these, on the face.
    on_face: f64,
}

/// What some units show on each map.
#[derive(Default)]
struct Shown {
    units: usize,
    maps: BTreeMap<MapId, OnMap>,
}

impl Shown {
    fn add<'a>(&mut self, unit: &Unit, chances: usize, null: impl Fn(MapId) -> Option<&'a NullMap>) {
        self.units += 1;
        for id in maps() {
            let Some(level) = null(id).and_then(|map| map.level(chances)) else { continue };
            let Some(map) = unit.map(id) else { continue };
            let above: Vec<bool> = map.iter().map(|v| *v > level.value).collect();
            let sum = |of: &dyn Fn(usize) -> f64| -> f64 { (0..above.len()).filter(|i| above[*i]).map(of).sum() };
            let own = self.maps.entry(id).or_default();
            own.with += usize::from(above.contains(&true));
            own.places += sum(&|_| 1.0);
            own.on_face += sum(&|i| f64::from(unit.face[i]));
        }
    }

    fn of(&self, id: MapId) -> OnMap {
        self.maps.get(&id).copied().unwrap_or_default()
    }

    fn share_with(&self, id: MapId) -> String {
        let count = self.of(id).with;
        let Rate { rate, interval, .. } = Rate::new(count, self.units);
        format!("{count} = {rate:.3} ({:.3} to {:.3})", interval.low, interval.high)
    }

    /// Share of all the maps' area that is above the level.
    fn area(&self, id: MapId, places: usize) -> f64 {
        self.of(id).places / (self.units * places).max(1) as f64
    }

    fn on_face(&self, id: MapId) -> String {
        let OnMap { places, on_face, .. } = self.of(id);
        if places > 0.0 { format!("{:.2}", on_face / places) } else { "none".into() }
    }
}

/// The null levels of the shipped detectors that these networks have.
struct Levels<'a> {
    levels: &'a NullLevels,
    weights: Vec<DetectorWeights>,
}

impl<'a> Levels<'a> {
    fn of(&self, kind: Kind, id: MapId) -> Option<&'a NullMap> {
        let weights = self.weights.iter().find(|d| d.detector == id.detector)?;
        self.levels.of(kind, weights, id.map)
    }
}

/// The chapter.
pub(super) fn table(bench: &Bench<'_>, ids: &[String]) -> anyhow::Result<String> {
    let weights = bench.networks.detectors().map(assay_faces::Detecting::weights).unwrap_or_default();
    let levels = Levels { levels: NullLevels::shipped()?, weights };
    let mut text = format!(
        "## Where a report sees something\n\nA place of a map is drawn only where it lies above the level that 99 of 100 genuine faces stay below everywhere. The level was learned on: {}. \
         The first map is the blend mask, the activations say what speaks for a manipulated and for a generated face. Of a clip with several stretches the most suspicious one is drawn, and the level is so much higher.\n\n",
        levels.levels.data
    );
    text += &genuine(bench, &levels)?;
    text += &swaps(bench, ids)?;
    text += &portraits(bench, &levels)?;
    Ok(text)
}

/// Faces of test people that nobody touched.
fn genuine(bench: &Bench<'_>, levels: &Levels<'_>) -> anyhow::Result<String> {
    let mut text = String::from(
        "Genuine faces of the test split; `area` is the share of all their maps that is drawn:\n\n\
         | what | saved as | n | blend mask: with a region | area | activation, manipulated | area | activation, generated | area |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for saving in sets::PHOTOGRAPHS {
        let mut all = Shown::default();
        for folder in &sets::photograph_folders(bench.data)? {
            let manifest = sets::photographs(bench.data, bench.work, folder, Split::Test, saving)?;
            let mut own = Shown::default();
            for unit in map_units::of(&manifest, &bench.networks, &Score::of("face_manipulation"), bench.progress) {
                for shown in [&mut own, &mut all] {
                    shown.add(&unit, 1, |id| levels.of(Kind::Still, id));
                }
            }
            text += &genuine_row(folder, saving.name, &own);
        }
        text += &genuine_row("all photographs", saving.name, &all);
    }
    for saving in sets::CLIPS {
        let manifest = sets::clips(bench.data, bench.work, &[Split::Test], saving)?;
        let mut own = Shown::default();
        for unit in map_units::of(&manifest, &bench.networks, &Score::of("face_manipulation"), bench.progress) {
            own.add(&unit, 1, |id| levels.of(Kind::Clip, id));
        }
        text += &genuine_row("stretches of test clips", saving.name, &own);
    }
    Ok(text + "\n")
}

fn genuine_row(what: &str, saved: &str, shown: &Shown) -> String {
    let places = MAP_SIDE.pow(2);
    let mut row = format!("| {what} | {saved} | {} ", shown.units);
    for id in [BLEND_MASK, MANIPULATED, GENERATED] {
        let _ = write!(row, "| {} | {:.4} ", shown.share_with(id), shown.area(id, places));
    }
    row + "|\n"
}

/// Both halves of side-by-side clips.
fn swaps(bench: &Bench<'_>, ids: &[String]) -> anyhow::Result<String> {
    let clips = sets::swap_clips(bench.data)?;
    let unseen = Folds::of(ids, &clips).unseen(ids)?;
    let calibration = face_calibration::Bench {
        data: bench.data,
        work: bench.work,
        networks: bench.networks.clone(),
        unseen: &unseen,
        progress: bench.progress,
    };
    let genuine = face_calibration::genuine_stretches(&calibration)?;
    let levels: Vec<Vec<NullMap>> = unseen.iter().map(|part| without(part, &genuine)).collect();
    let mut text = String::from(
        "Side-by-side clips, the stretch that a report draws; `on the face` is the share of what is drawn that lies in the hull of the mesh:\n\n\
         | half | saved as | n | blend mask: with a region | on the face | activation, manipulated | on the face |\n|---|---|---|---|---|---|---|\n",
    );
    for saving in sets::CLIPS {
        let units = map_units::of_unseen(&sets::swaps(bench.data, bench.work, saving)?, &unseen, bench.progress);
        for (label, half) in [(Label::Real, "real"), (Label::Fake, "swapped")] {
            let mut shown = Shown::default();
            for (unit, chances) in drawn(units.iter().filter(|u| u.label == label)) {
                let part = unseen.iter().position(|p| unit.source.as_ref().is_some_and(|s| p.clips.contains(s)));
                let own = part.and_then(|at| levels.get(at));
                shown.add(unit, chances, |id| own?.iter().find(|p| p.is_of(Kind::Clip, id.detector, id.map)));
            }
            let _ = writeln!(
                text,
                "| {half} | {} | {} | {} | {} | {} | {} |",
                saving.name,
                shown.units,
                shown.share_with(BLEND_MASK),
                shown.on_face(BLEND_MASK),
                shown.share_with(MANIPULATED),
                shown.on_face(MANIPULATED)
            );
        }
    }
    Ok(text + "\n")
}

/// Levels that the real halves of a part of the clips had no share in.
fn without(part: &Unseen, genuine: &[Vec<Unit>]) -> Vec<NullMap> {
    let is_other = |unit: &&Unit| unit.source.as_ref().is_none_or(|s| !part.clips.contains(s));
    let groups: Vec<Vec<&Unit>> = genuine.iter().map(|group| group.iter().filter(is_other).collect()).collect();
    map_units::learn(Kind::Clip, &groups)
}

/// Of every part of every file the stretch that a report draws, and of how many it is the most
/// suspicious.
fn drawn<'a>(units: impl Iterator<Item = &'a Unit>) -> Vec<(&'a Unit, usize)> {
    let mut files: BTreeMap<(&Path, Part), BTreeMap<u32, Vec<&Unit>>> = BTreeMap::new();
    for unit in units {
        let (part, person) = unit.whose;
        files.entry((&unit.path, part)).or_default().entry(person).or_default().push(unit);
    }
    let logit = |unit: &&Unit| unit.stretch.logit;
    let score = |units: &Vec<&Unit>| log_mean(&units.iter().map(logit).collect::<Vec<_>>());
    let most = |persons: BTreeMap<u32, Vec<&'a Unit>>| {
        let chances = persons.values().map(Vec::len).sum();
        let worst = persons.into_values().max_by(|a, b| score(a).total_cmp(&score(b)))?;
        Some((worst.into_iter().max_by(|a, b| logit(a).total_cmp(&logit(b)))?, chances))
    };
    files.into_values().filter_map(most).collect()
}

/// Generated portraits.
fn portraits(bench: &Bench<'_>, levels: &Levels<'_>) -> anyhow::Result<String> {
    let mut text = String::from(
        "Generated portraits of the test split:\n\n| what | saved as | n | activation, generated: with a region |\n|---|---|---|---|\n",
    );
    for names in &sets::generated(bench.data)? {
        for saving in sets::PORTRAITS {
            let mut manifest = sets::portraits(bench.data, bench.work, names, Split::Test, saving)?;
            manifest.rows.retain(|row| row.label == Label::Fake);
            let mut shown = Shown::default();
            for unit in map_units::of(&manifest, &bench.networks, &Score::of("face_synthesis"), bench.progress) {
                shown.add(&unit, 1, |id| levels.of(Kind::Still, id));
            }
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                names[0],
                saving.name,
                shown.units,
                shown.share_with(GENERATED)
            );
        }
    }
    Ok(text + "\n")
}
