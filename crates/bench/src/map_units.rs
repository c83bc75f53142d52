//! Maps of faces as a report shows them: one face of a picture, one stretch of a person in a clip.
//!
//! The decision that shapes it: the level above which a report draws a place is learned, and
//! measured, on exactly what it draws. Side-by-side clips are judged by the networks that did not
//! see their people, as everywhere.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assay_detect::MapId;
use assay_detect::null_levels::{Kind, NullMap, mean};
use assay_faces::stretches::{Stretch, stretches};
use assay_media::Progress;

use crate::collections::folds::Unseen;
use crate::datasets::{Label, Manifest, Part, Row};
use crate::judge::{self, Look, Score};
use crate::judge::{PACE, Whose};

/// One face or stretch.
pub struct Unit {
    /// File.
    pub path: PathBuf,
    /// What it stems from.
    pub source: Option<String>,
    /// Which of the file's people.
    pub whose: (Part, u32),
    /// Truth of the part.
    pub label: Label,
    /// When, and the mean logit.
    pub stretch: Stretch,
    maps: BTreeMap<MapId, Vec<f32>>,
    /// Share of the looks in which a place lies in the hull of the mesh.
    pub face: Vec<f32>,
}

impl Unit {
    /// One of its maps; `None` where the detector was not asked.
    pub fn map(&self, id: MapId) -> Option<&[f32]> {
        self.maps.get(&id).map(Vec::as_slice)
    }
}

/// The units of a table; `score` gives the logit that stretches are ranked by.
pub fn of(
    manifest: &Manifest,
    networks: &std::sync::Arc<dyn assay_faces::FaceNetworks>,
    score: &Score,
    progress: &dyn Progress,
) -> Vec<Unit> {
    let (looks, _) = judge::look(manifest, networks, PACE, progress);
    let mut persons: BTreeMap<Whose<'_>, Vec<(&Look, &judge::Maps, f64)>> = BTreeMap::new();
    for look in &looks {
        if let (Some(maps), Some(score)) = (&look.maps, score.score(look)) {
            let (part, person) = look.whose();
            persons.entry((look.path(), part, person)).or_default().push((look, maps, score));
        }
    }
    let rows: BTreeMap<(&Path, Part), &Row> = manifest.rows.iter().map(|r| ((r.path.as_path(), r.part), r)).collect();
    let mut units = Vec::new();
    for ((path, part, person), mut own) in persons {
        let Some(row) = rows.get(&(path, part)) else { continue };
        own.sort_by(|a, b| a.0.pts_secs.total_cmp(&b.0.pts_secs));
        let timed: Vec<(f64, f64)> = own.iter().map(|(look, _, score)| (look.pts_secs, *score)).collect();
        for stretch in stretches(&timed) {
            let span = stretch.start_secs..=stretch.end_secs;
            let maps = || own.iter().filter(|o| span.contains(&o.0.pts_secs)).map(|o| o.1);
            let faces: Vec<Vec<f32>> =
                maps().map(|m| m.face.iter().map(|inside| f32::from(u8::from(*inside))).collect()).collect();
            units.push(Unit {
                path: path.to_owned(),
                source: row.source.clone(),
                whose: (part, person),
                label: row.label,
                stretch,
                maps: assay_detect::maps()
                    .filter(|id| maps().all(|m| m.map(*id).is_some()))
                    .map(|id| (id, mean(maps().filter_map(|m| m.map(id)))))
                    .collect(),
                face: mean(faces.iter().map(Vec::as_slice)),
            });
        }
    }
    units
}

/// The units of side-by-side clips, each judged by networks that did not see it.
pub fn of_unseen(swaps: &Manifest, unseen: &[Unseen], progress: &dyn Progress) -> Vec<Unit> {
    let mut units = Vec::new();
    for part in unseen {
        units.extend(of(&part.own(swaps), &part.networks, &Score::of("face_manipulation"), progress));
    }
    units
}

/// What genuine units show on every map; `groups` differ in how the files were saved.
pub fn learn(kind: Kind, groups: &[Vec<&Unit>]) -> Vec<NullMap> {
    let learn = |id: MapId| {
        let maps: Vec<Vec<Vec<f32>>> = groups
            .iter()
            .map(|group| group.iter().filter_map(|unit| unit.map(id)).map(<[f32]>::to_vec).collect())
            .collect();
        NullMap::learn(kind, id.detector, id.map, &maps)
    };
    assay_detect::maps().filter_map(learn).collect()
}
