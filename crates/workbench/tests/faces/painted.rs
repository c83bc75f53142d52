//! Painted faces, networks that find them by their colour, and clips of them.
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_evidence::NetworkInfo;
use assay_faces::geometry::Rect;
use assay_faces::pose::ReferenceShape;
use assay_faces::{Detection, FaceNetworks, FacesError, Landmarks, MESH_POINTS, OperatingPoints, landmarks68};
use image::{Rgb, RgbImage};

/// Skin colours of the painted people; a person is the channel that stands out.
pub const SKINS: [[u8; 3]; 3] = [[200, 70, 60], [60, 190, 70], [70, 80, 210]];

/// Finds painted faces by colour. `broken` makes the mesh network fail.
#[derive(Default)]
pub struct Painted {
    pub broken: bool,
}

fn person_of(p: [u8; 3]) -> Option<usize> {
    let most = (0..3).max_by_key(|k| p[*k])?;
    (0..3).all(|k| k == most || i32::from(p[most]) - i32::from(p[k]) > 60).then_some(most)
}

impl FaceNetworks for Painted {
    fn identity(&self) -> Vec<NetworkInfo> {
        vec![NetworkInfo { id: "painted".into(), task: "finds painted faces".into(), sha256: "0".repeat(64) }]
    }

    fn operating_points(&self) -> OperatingPoints {
        OperatingPoints {
            face_score: 0.6,
            doubtful_score: 0.2,
            same_person_cosine: 0.6,
            other_person_cosine: 0.3,
            smallest_face_px: 24.0,
        }
    }

    fn reference_shape(&self) -> Option<&ReferenceShape> {
        None
    }

    fn detect(&self, image: &RgbImage) -> Result<Vec<Detection>, FacesError> {
        let mut found = Vec::new();
        for person in 0..SKINS.len() {
            let inside: Vec<[f32; 2]> = image
                .enumerate_pixels()
                .filter(|(_, _, p)| person_of(p.0) == Some(person))
                .map(|(x, y, _)| [x as f32 + 0.5, y as f32 + 0.5])
                .collect();
            let Some(at) = Rect::around(&inside) else { continue };
            // Half hidden, a disc fills less of its box or is no longer round.
            let filled = inside.len() as f32 / at.area().max(1.0);
            let round = at.width.min(at.height) / at.width.max(at.height);
            if at.size() < 16.0 || filled < 0.45 {
                continue;
            }
            let p = |x: f32, y: f32| [at.x + x * at.width, at.y + y * at.height];
            let points = [p(0.3, 0.4), p(0.7, 0.4), p(0.5, 0.6), p(0.35, 0.75), p(0.65, 0.75)];
            found.push(Detection { box_in_frame: at, score: (0.3 + 0.65 * round).min(0.95), points });
        }
        Ok(found)
    }

    fn landmarks(&self, _image: &RgbImage, detection: &Detection) -> Result<Landmarks, FacesError> {
        if self.broken {
            return Err(FacesError::Network("the painted network is broken on purpose".into()));
        }
        let at = detection.box_in_frame;
        let mut mesh = vec![at.centre(); MESH_POINTS];
        let [left, right, nose, mouth_left, mouth_right] = detection.points;
        let w = at.width;
        let eye = |c: [f32; 2]| {
            [[-0.08, 0.0], [-0.03, -0.03], [0.03, -0.03], [0.08, 0.0], [0.03, 0.03], [-0.03, 0.03]]
                .map(|d: [f32; 2]| [c[0] + d[0] * w, c[1] + d[1] * w])
        };
        let mut put = |first: usize, to: &[[f32; 2]]| {
            for (recipe, to) in landmarks68::TABLE[first..].iter().zip(to) {
                recipe.iter().for_each(|(index, _)| mesh[usize::from(*index)] = *to);
            }
        };
        put(36, &eye(left));
        put(42, &eye(right));
        put(30, &[nose]);
        put(48, &[mouth_left]);
        put(54, &[mouth_right]);
        put(60, &[mouth_left]);
        put(64, &[mouth_right]);
        let marked = landmarks68::from_mesh(&mesh, &landmarks68::TABLE).map(|p| p.to_vec()).unwrap_or_default();
        Ok(Landmarks { mesh, confidence: vec![0.9; MESH_POINTS], marked })
    }

    fn embed(&self, image: &RgbImage, landmarks: &Landmarks) -> Result<Vec<f32>, FacesError> {
        // The share of each skin around the nose, with a little of the frame in it, as vectors of
        // real faces have.
        let nose = landmarks.mesh[usize::from(landmarks68::TABLE[30][0].0)];
        let mut counts = [0.05f32; 3];
        for dy in -6..=6 {
            for dx in -6..=6 {
                let x = (nose[0] as i64 + dx).clamp(0, i64::from(image.width()) - 1) as u32;
                let y = (nose[1] as i64 + dy).clamp(0, i64::from(image.height()) - 1) as u32;
                if let Some(person) = person_of(image.get_pixel(x, y).0) {
                    counts[person] += 1.0 / 169.0;
                }
            }
        }
        let length = counts.iter().map(|c| c * c).sum::<f32>().sqrt();
        Ok(counts.iter().map(|c| c / length).collect())
    }
}

/// A grey scene; `kind` picks one of several that look nothing like each other.
pub fn scene(width: u32, height: u32, kind: u32) -> RgbImage {
    let mut state = 77 + kind;
    RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = match kind {
            0 => 120.0 + 50.0 * (x as f32 * 0.03).sin(),
            1 => 60.0 + 40.0 * (y as f32 * 0.05).cos(),
            _ => 190.0 + 30.0 * ((x + y) as f32 * 0.08).sin(),
        };
        let v = (wave + (state >> 29) as f32) as u8;
        Rgb([v, v, v])
    })
}

/// Paints a person's face: a disc with eyes and a mouth.
pub fn paint(image: &mut RgbImage, person: usize, cx: f32, cy: f32, radius: f32) {
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (u, v) = ((x as f32 + 0.5 - cx) / radius, (y as f32 + 0.5 - cy) / radius);
        if u.hypot(v) > 1.0 {
            continue;
        }
        let eye = (u.abs() - 0.4).hypot(v + 0.2) < 0.14;
        let mouth = u.abs() < 0.3 && (v - 0.5).abs() < 0.06;
        let shade = ((x * 7 + y * 13) % 11) as u8;
        pixel.0 = if eye || mouth { [30, 25, 25] } else { SKINS[person].map(|c| c + shade) };
    }
}

/// A clip of these frames, 25 a second; `None` where the system has no ffmpeg.
pub fn clip(folder: &Path, name: &str, frames: &[RgbImage]) -> Option<PathBuf> {
    if !Command::new("ffmpeg").arg("-version").output().is_ok_and(|o| o.status.success()) {
        eprintln!("SKIPPED: ffmpeg is not installed");
        return None;
    }
    let raw = folder.join("frames.rgb");
    std::fs::write(&raw, frames.iter().flat_map(|f| f.as_raw().clone()).collect::<Vec<u8>>()).unwrap();
    let size = format!("{}x{}", frames[0].width(), frames[0].height());
    let target = folder.join(name);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pixel_format", "rgb24", "-framerate", "25"])
        .args(["-video_size", &size, "-i"])
        .arg(&raw)
        .args(["-c:v", "mpeg4", "-q:v", "2", "-g", "25", "-pix_fmt", "yuv420p"])
        .arg(&target)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(target)
}
