//! Labels for a folder of somebody's own: faces with their meshes, found by the shipped networks.
//!
//! The decision that shapes it: labels are what [`super::data::load`] reads, for every file that
//! the folder's descriptor gives to training, and nothing else has to be marked by hand: boxes and
//! 468 points by machine, one row a face; of clips every fifteenth frame, the recorded and the
//! altered half of side-by-side clips each by itself.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, ensure};
use assay_checkpoints::{HostTensor, StateDict, write_safetensors};
use assay_faces::{FaceNetworks, find};
use assay_media::Progress;
use image::RgbImage;
use rayon::prelude::*;

use super::data::LABELLED;
use assay_bench::collections::{Collection, Media, Use};
use assay_bench::datasets::Part;
use assay_bench::judge::cut;
use assay_material::frames::every_kth;

/// What was labelled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labelled {
    /// Pictures with a face.
    pub pictures: usize,
    /// Faces in pictures.
    pub faces: usize,
    /// Clips with a face.
    pub clips: usize,
    /// Faces in frames of clips.
    pub frame_faces: usize,
    /// Files without a face.
    pub without: usize,
    /// Files that could not be read, and why.
    pub unreadable: Vec<String>,
}

/// One face: what precedes the box in the table, box and score, mesh.
struct Row {
    place: String,
    box_and_score: [f32; 5],
    mesh: Vec<[f32; 2]>,
}

/// Writes `labels/faces.csv`, `labels/video_faces.csv` and `labels/facemesh468.safetensors` below
/// `folder`, for its descriptor's files for training.
///
/// # Errors
/// When there are labels already, the descriptor or a folder cannot be read, there is no face, or
/// nothing can be written.
pub fn label(folder: &Path, networks: &dyn FaceNetworks, progress: &dyn Progress) -> anyhow::Result<Labelled> {
    let data = Collection::of(folder)?;
    let labels = folder.join("labels");
    ensure!(!labels.exists(), "{} is there already; take it away to label anew", labels.display());
    let files = data.files(Use::Training)?;
    ensure!(!files.is_empty(), "the descriptor of {} gives no file that is there to training", folder.display());
    let done = AtomicU64::new(0);
    let found: Vec<anyhow::Result<Vec<Row>>> = files
        .par_iter()
        .map(|file| {
            ensure!(!progress.cancelled(), "cancelled");
            let rows = of_file(&data, file, networks).with_context(|| format!("cannot label {file}"));
            progress.update("finding faces", done.fetch_add(1, Ordering::Relaxed) + 1, files.len() as u64);
            rows
        })
        .collect();
    ensure!(!progress.cancelled(), "cancelled");
    let mut told = Labelled::default();
    let mut of: BTreeMap<Media, Vec<Row>> = [(Media::Still, Vec::new()), (Media::Clip, Vec::new())].into();
    for (file, rows) in files.iter().zip(found) {
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                told.unreadable.push(format!("{error:#}"));
                continue;
            }
        };
        let Some(media) = Media::of(Path::new(file)) else { continue };
        let (files, faces) = match media {
            Media::Still => (&mut told.pictures, &mut told.faces),
            Media::Clip => (&mut told.clips, &mut told.frame_faces),
        };
        *files += usize::from(!rows.is_empty());
        *faces += rows.len();
        told.without += usize::from(rows.is_empty());
        of.entry(media).or_default().extend(rows);
    }
    ensure!(told.faces + told.frame_faces > 0, "no face was found in {} files", files.len());
    let place = labels.with_extension("part");
    std::fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let mut tensors = StateDict::new();
    for (media, name, head) in [
        (Media::Still, "faces", "file,width,height"),
        (Media::Clip, "video_faces", "file,frame,part,part_width,part_height"),
    ] {
        let rows = &of[&media];
        let mut text = format!("{head},box_x,box_y,box_w,box_h,score\n");
        for row in rows {
            let [x, y, width, height, score] = row.box_and_score;
            let _ = writeln!(text, "{},{x:.1},{y:.1},{width:.1},{height:.1},{score:.3}", row.place);
        }
        std::fs::write(place.join(format!("{name}.csv")), text)?;
        let values: Vec<f32> = rows.iter().flat_map(|row| row.mesh.iter().flatten().copied()).collect();
        tensors.insert(name.to_owned(), HostTensor::f16_from_f32(&[rows.len(), 468, 2], &values));
    }
    std::fs::write(place.join("facemesh468.safetensors"), write_safetensors(&tensors, None)?)?;
    std::fs::rename(&place, &labels).with_context(|| format!("cannot write {}", labels.display()))?;
    Ok(told)
}

fn of_file(data: &Collection, file: &str, networks: &dyn FaceNetworks) -> anyhow::Result<Vec<Row>> {
    // The table has no quotes: what reads it splits at commas.
    ensure!(!file.contains([',', '"', '\n']), "its name holds a comma, a quote or a line break");
    let path = data.root().join(file);
    if Media::of(&path) == Some(Media::Still) {
        let picture = image::ImageReader::open(&path)?.with_guessed_format()?.decode()?.into_rgb8();
        let place = format!("{file},{},{}", picture.width(), picture.height());
        return rows(networks, &picture, &place);
    }
    let parts: Vec<Part> = data.parts(file).into_iter().map(|(part, _)| part).collect();
    let parts = if parts.is_empty() { vec![Part::Whole] } else { parts };
    let mut all = Vec::new();
    for (index, frame) in every_kth(&path, LABELLED)? {
        for part in &parts {
            let seen = cut(&frame, *part);
            let place = format!("{file},{index},{},{},{}", part.name(), seen.width(), seen.height());
            all.extend(rows(networks, &seen, &place)?);
        }
    }
    Ok(all)
}

fn rows(networks: &dyn FaceNetworks, picture: &RgbImage, place: &str) -> anyhow::Result<Vec<Row>> {
    let row = |face: assay_faces::Face| {
        let b = face.observation.box_in_frame;
        Row {
            place: place.to_owned(),
            box_and_score: [b.x, b.y, b.width, b.height, face.observation.score],
            mesh: face.observation.landmarks.mesh,
        }
    };
    Ok(find(networks, picture)?.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use assay_faces::Networks;
    use assay_material::{ffmpeg, scene};
    use assay_media::NoProgress;

    use super::super::data::{ClipFrames, load};
    use super::*;

    /// The drawn scene has a bust that is found as a face.
    #[test]
    fn what_is_labelled_is_what_training_reads() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let text = "schema = \"assay.collection/1\"\nid = \"mine\"\n\n[[folder]]\npath = \"people\"\n\
                    media = \"still\"\nlabel = \"real\"\nowner = \"person\"\nnamed_by = \"parent\"\n\
                    uses = [\"training\"]\n\n[[folder]]\npath = \"clips\"\nmedia = \"clip\"\n\
                    label = \"real\"\nuses = [\"training\"]\n";
        std::fs::write(at.join("collection.toml"), text).unwrap();
        std::fs::create_dir_all(at.join("people/Ann")).unwrap();
        std::fs::create_dir_all(at.join("clips")).unwrap();
        let picture = scene::photograph(52, 640, 480);
        picture.save(at.join("people/Ann/1.png")).unwrap();
        RgbImage::from_pixel(96, 96, image::Rgb([90; 3])).save(at.join("people/Ann/2.png")).unwrap();
        std::fs::write(at.join("people/Ann/3.png"), "no picture").unwrap();
        let has_ffmpeg = std::process::Command::new("ffmpeg").arg("-version").output().is_ok();
        if has_ffmpeg {
            let frames = vec![picture.clone(); 16];
            ffmpeg::encode_rgb(&at.join("clips/a.mp4"), &frames, 25, 10).unwrap();
        } else {
            println!("SKIPPED the clip: ffmpeg is not installed");
        }
        let networks = Networks::shipped().unwrap();
        let told = label(at, &networks, &NoProgress).unwrap();
        assert_eq!((told.pictures, told.without), (1, 1), "{told:?}");
        assert!(told.unreadable.len() == 1 && told.unreadable[0].contains("people/Ann/3.png"), "{told:?}");
        let pictures = load(at, None).unwrap();
        assert_eq!(pictures.len(), 1);
        assert_eq!((pictures[0].person.as_str(), pictures[0].faces.len()), ("person:Ann", told.faces));
        let seen = find(&networks, &picture).unwrap();
        let off = |(a, b): (&[f32; 2], &[f32; 2])| (a[0] - b[0]).abs().max((a[1] - b[1]).abs());
        let mesh = &seen[0].observation.landmarks.mesh;
        assert!(pictures[0].faces[0].mesh.iter().zip(mesh).all(|pair| off(pair) < 0.3));
        if has_ffmpeg {
            // Frames 0 and 15.
            assert_eq!((told.clips, told.frame_faces), (1, 2 * told.faces));
            let frames = load(at, Some(ClipFrames::SHAPES)).unwrap();
            assert_eq!(frames.iter().filter(|p| p.name.starts_with("clips/a.mp4#whole,")).count(), 2);
        }
        // Labels that are there are not written over.
        assert!(label(at, &networks, &NoProgress).unwrap_err().to_string().contains("is there already"));
    }
}
