//! A disk that is full while a file is written leaves nothing behind: a still picture, a clip, a
//! claim.
//!
//! The decision that shapes it: two full disks, since each misses something. A limit on the size of
//! files can be had everywhere, and is met by the encoder's child too; a file system of a few
//! kilobytes is the real thing, and needs the right to mount. Both hold for a whole process, so the
//! work is done in a child that runs one test of this very program.
use std::path::{Path, PathBuf};
use std::process::Command;

use assay_provenance::{Claim, ClipShape, Making, MarkedWriter, Signer, Synthetic, claim};

use crate::common::{Place, record};
use crate::scene::scene;

/// Folder to fill, and picture to sign, for the child.
const FOLDER: &str = "ASSAY_TEST_FULL_DISK";
const PHOTO: &str = "ASSAY_TEST_PHOTO";

/// What the child does: everything fails with the file's name in its message, and what stood there
/// before stays alone.
#[test]
#[ignore = "the child that the other tests start"]
fn full_disk_child() {
    let [folder, photo] = [FOLDER, PHOTO].map(|name| std::env::var_os(name).unwrap());
    let (folder, photo) = (PathBuf::from(folder), PathBuf::from(photo));
    let keys = photo.with_file_name("keys");
    let writer = || MarkedWriter::new(record(Making::Generated, Vec::new()), Signer::own(Some(&keys)).unwrap());
    let old = folder.join("old.png");
    std::fs::write(&old, "old").unwrap();
    for name in ["a.png", "a.jpg", "old.png"] {
        let still = writer().write_still(Synthetic::new(scene(512, 512, 0)), &folder.join(name));
        let error = still.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(name), "{error}");
    }
    let shape = ClipShape { width: 512, height: 512, frame_secs: 0.04 };
    let mut clip = writer().start_clip(&folder.join("a.mp4"), shape, None).unwrap();
    let failed = (0..40).find_map(|i| clip.push(Synthetic::new(scene(512, 512, i)), f64::from(i) * 0.04).err());
    let failed = failed.map_or_else(|| clip.finish().err(), Some);
    let error = failed.map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("a.mp4"), "{error}");
    let words = Claim { text: "mine".into(), source_type: None };
    let claimed = claim(&photo, &folder.join("b.png"), &words, &Signer::own(Some(&keys)).unwrap());
    let error = claimed.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("b.png"), "{error}");
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["old.png"]);
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "old");
    println!("NOTHING LEFT");
}

fn photo_and_keys() -> (Place, PathBuf) {
    let place = Place::new();
    drop(place.signer());
    let photo = place.path("photo.png");
    scene(512, 512, 0).save(&photo).unwrap();
    (place, photo)
}

fn child(shell: &mut Command, (folder, photo): (&Path, &Path)) -> (bool, String) {
    let output = shell.env(FOLDER, folder).env(PHOTO, photo).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), said(&output.stdout) + &said(&output.stderr))
}

fn this_test() -> String {
    format!(
        "exec '{}' full_disk::full_disk_child --exact --ignored --nocapture",
        std::env::current_exe().unwrap().display()
    )
}

#[test]
fn full_disk_by_limit() {
    let (place, photo) = photo_and_keys();
    let folder = place.path("full");
    std::fs::create_dir(&folder).unwrap();
    // 16 blocks of 1024 bytes; the signal for a file that grows too large is left out so that the
    // write fails as on a full disk.
    let script = format!("ulimit -f 16; trap '' XFSZ; {}", this_test());
    let (is_good, said) = child(Command::new("bash").args(["-c", &script]), (&folder, &photo));
    assert!(is_good && said.contains("NOTHING LEFT"), "{said}");
}

#[test]
fn full_disk_by_mount() {
    let (place, photo) = photo_and_keys();
    let folder = place.path("full");
    std::fs::create_dir(&folder).unwrap();
    let mount = "mount -t tmpfs -o size=64k none \"$ASSAY_TEST_FULL_DISK\"";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script]);
        command
    };
    // The mount is gone with the child that made it.
    let allowed = unshare(mount).env(FOLDER, &folder).output().is_ok_and(|o| o.status.success());
    if !allowed {
        eprintln!("SKIPPED: this machine permits no mount in a namespace of its own");
        return;
    }
    let (is_good, said) = child(&mut unshare(&format!("{mount} && {}", this_test())), (&folder, &photo));
    assert!(is_good && said.contains("NOTHING LEFT"), "{said}");
}
