//! The registry and the import from outside: what is kept, what is refused, what is found again.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
use std::path::{Path, PathBuf};

use assay_checkpoints::{HostTensor, StateDict, write_safetensors};
use assay_models::efficientnet::PaddingVariant;
use assay_models::import::{Request, plan};
use assay_models::registry::{ENTRY_KEY, Entry, Listed, NOT_STATED, Place, Registry};
use assay_models::{Kind, ModelError, layout};

/// A BlazeFace with one value everywhere.
fn blazeface(value: f32) -> StateDict {
    let shapes = layout::expected(Kind::Blazeface, &toml::Table::new()).unwrap();
    let tensor = |shape: &Vec<usize>| HostTensor::from_f32(shape, &vec![value; shape.iter().product()]);
    shapes.iter().map(|(name, shape)| (name.clone(), tensor(shape))).collect()
}

fn file(folder: &Path, name: &str, tensors: &StateDict) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, write_safetensors(tensors, None).unwrap()).unwrap();
    path
}

/// What is in the registry beside the shipped weights.
fn imported(registry: &Registry) -> Vec<Listed> {
    registry.list().unwrap().into_iter().filter(|listed| listed.place == Place::Imported).collect()
}

fn import(registry: &Registry, path: &Path, id: &str) -> Result<String, ModelError> {
    let plan = plan(&Request { id: Some(id.into()), ..Request::of(path) })?;
    registry.add(plan.entry, &plan.tensors).map(|entry| entry.sha256)
}

#[test]
fn imports_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::at(folder.path().join("models"));
    let paths: Vec<PathBuf> =
        (0..6).map(|i| file(folder.path(), &format!("b{i}.safetensors"), &blazeface(i as f32))).collect();
    std::thread::scope(|scope| {
        for (i, path) in paths.iter().enumerate() {
            let registry = &registry;
            scope.spawn(move || import(registry, path, &format!("net-{i}")).unwrap());
        }
    });
    let mut ids: Vec<String> = imported(&registry).into_iter().map(|l| l.entry.id).collect();
    ids.sort();
    assert_eq!(ids, (0..6).map(|i| format!("net-{i}")).collect::<Vec<_>>());
    assert!(registry.list().unwrap().iter().all(|listed| registry.load(listed).is_ok()));
    let left: Vec<String> = std::fs::read_dir(registry.folder())
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".assay-"))
        .collect();
    assert!(left.is_empty(), "nothing half-written is left: {left:?}");
}

#[test]
fn an_id_is_given_once_and_the_same_weights_may_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::at(folder.path().join("models"));
    let (one, two) = (file(folder.path(), "one.pth", &blazeface(1.0)), file(folder.path(), "two.pth", &blazeface(2.0)));
    let first = import(&registry, &one, "net").unwrap();
    let error = import(&registry, &two, "net").unwrap_err().to_string();
    assert!(error.contains("belongs to other weights"), "{error}");
    let again = Request { id: Some("net".into()), licence: Some("MIT".into()), ..Request::of(&one) };
    let again = plan(&again).unwrap();
    assert_eq!(registry.add(again.entry, &again.tensors).unwrap().sha256, first);
    let all = imported(&registry);
    assert_eq!((all.len(), all[0].entry.licence.as_str()), (1, "MIT"));
    assert_eq!(all[0].entry.source, NOT_STATED);
}

#[test]
fn weights_open_by_id_and_by_path_and_survive_an_export() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::at(folder.path().join("models"));
    let path = file(folder.path(), "face.pth", &blazeface(3.0));
    let by_path = registry.open(path.to_str().unwrap()).unwrap();
    assert_eq!((by_path.entry.kind, by_path.entry.id.as_str()), (Kind::Blazeface, "face"));
    assert!(imported(&registry).is_empty() && !registry.folder().exists(), "opening stores nothing");
    let request = Request { licence: Some("Apache-2.0".into()), crop: Some("my-crop".into()), ..Request::of(&path) };
    let planned = plan(&request).unwrap();
    let entry = registry.add(planned.entry, &planned.tensors).unwrap();
    let by_id = registry.open("face").unwrap();
    assert_eq!((&by_id.tensors, &by_id.entry), (&blazeface(3.0), &entry));
    let out = folder.path().join("out.safetensors");
    registry.export("face", &out).unwrap();
    let elsewhere = Registry::at(folder.path().join("elsewhere"));
    let planned = plan(&Request::of(&out)).unwrap();
    assert_eq!(elsewhere.add(planned.entry, &planned.tensors).unwrap(), entry, "the entry travels with the weights");
    let error = registry.open("nothing").unwrap_err().to_string();
    assert!(error.contains("neither an id"), "{error}");
    assert!(registry.export("face", folder.path()).unwrap_err().to_string().contains("it is a folder"));
}

#[test]
fn what_was_changed_on_the_disk_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::at(folder.path().join("models"));
    import(&registry, &file(folder.path(), "a.pth", &blazeface(1.0)), "a").unwrap();
    let listed = registry.find("a").unwrap();
    let path = registry.path(&listed);
    let good = std::fs::read(&path).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (bytes, word) in
        [(&changed[..], "SHA-256"), (&good[..good.len() - 1], "bytes instead of"), (&[][..], "0 bytes")]
    {
        std::fs::write(&path, bytes).unwrap();
        let error = registry.load(&listed).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("weights a are damaged"), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(registry.load(&listed), Err(ModelError::Io { .. })));
    // An entry that claims another kind is held against that kind's network.
    std::fs::write(&path, &good).unwrap();
    let mut other = listed.clone();
    other.entry.kind = Kind::EfficientnetB4;
    assert!(matches!(registry.load(&other), Err(ModelError::Misfit { .. })));
    let list = registry.folder().join("registry.toml");
    let text = std::fs::read_to_string(&list).unwrap();
    let name = format!("file = \"{}\"", listed.entry.file);
    for (from, to, word) in [
        (name.as_str(), "file = \"../../etc/passwd\"", "no plain name"),
        ("format = 1", "format = 9", "its format is 9"),
        ("kind = \"blazeface\"", "kind = \"vgg\"", "there is no kind"),
        ("licence = ", "lizenz = ", "unknown field"),
    ] {
        assert!(text.contains(from));
        std::fs::write(&list, text.replace(from, to)).unwrap();
        let error = registry.list().unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("registry.toml"), "{error}");
    }
}

#[test]
fn wrong_networks_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let refused = |tensors: &StateDict, kind: Option<Kind>| {
        plan(&Request { kind, ..Request::of(file(at, "x.pth", tensors)) }).unwrap_err().to_string()
    };
    let mut lacking = blazeface(1.0);
    lacking.remove("classifier_8.bias");
    lacking.insert("surplus".into(), HostTensor::from_f32(&[1], &[0.0]));
    lacking.insert("regressor_8.bias".into(), HostTensor::from_f32(&[31], &[0.0; 31]));
    let error = refused(&lacking, None);
    for word in ["x.pth does not fit blazeface", "classifier_8.bias", "surplus", "expected [32], file has [31]"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let error = refused(&blazeface(1.0), Some(Kind::FirstOrderMotion));
    assert!(error.contains("expected first-order-motion, whose tensors begin with kp_detector."), "{error}");
    assert!(error.contains("found blazeface"), "{error}");
    let rude: StateDict = [("\u{1b}[31m\n".to_owned(), HostTensor::from_f32(&[1], &[0.0]))].into();
    let error = refused(&rude, None);
    assert!(!error.contains(['\u{1b}', '\n']), "{error}");
    let foreign: StateDict = [("w".to_owned(), HostTensor::from_f32(&[1], &[0.0]))].into();
    let error = refused(&foreign, None);
    assert!(error.contains("expected one of first-order-motion") && error.contains("1 tensors of no known"), "{error}");
    assert!(refused(&StateDict::new(), None).contains("no tensors at all"));
    assert!(refused(&blazeface(1.0), Some(Kind::FaceMesh)).contains("cannot be imported"));
    // Training scripts put the network into a section; nothing else may stand beside it.
    let mut nested: StateDict = blazeface(1.0).into_iter().map(|(name, t)| (format!("net.{name}"), t)).collect();
    let planned = plan(&Request::of(file(at, "nested.pth", &nested))).unwrap();
    assert_eq!(planned.tensors, blazeface(1.0));
    nested.insert("classifier_8.bias".into(), HostTensor::from_f32(&[2], &[0.0; 2]));
    assert!(refused(&nested, None).contains("stand both under net."));
    let unfit = Request { padding: Some(PaddingVariant::V071), ..Request::of(file(at, "b.pth", &blazeface(1.0))) };
    assert!(plan(&unfit).unwrap_err().to_string().contains("a padding variant says nothing"));
}

#[test]
fn shared_checkpoints_fit_to_the_last_tensor() {
    let shared = std::env::var_os("ASSAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    for (name, kind, applied) in [
        ("fomm-small/vox-small.pth.tar", Kind::FirstOrderMotion, None),
        ("fomm-small/vox-small-legacy.pth.tar", Kind::FirstOrderMotion, None),
        ("cosegmentation-small/vox-5segments-small.pth.tar", Kind::MotionCosegmentation, None),
        ("effnet/EfficientNetAutoAttB4_small_f16.pth", Kind::EfficientnetB4Attention, None),
        ("blazeface/blazeface.pth", Kind::Blazeface, Some(74)),
    ] {
        let path = shared.join("parity").join(name);
        if !path.is_file() {
            println!("SKIPPED: {} is absent", path.display());
            continue;
        }
        let plan = plan(&Request::of(&path)).unwrap();
        assert_eq!(plan.entry.kind, kind);
        let counted = plan.tensors.keys().filter(|n| !n.ends_with("num_batches_tracked")).count();
        assert_eq!((plan.found.applied.len(), plan.found.missing.len(), plan.found.unused.len()), (counted, 0, 0));
        assert_eq!(plan.found.applied.len(), applied.unwrap_or(counted));
        println!("{name}: {} tensors, {}", counted, plan.entry.widths);
    }
    let state_dicts = shared.join("parity/effnet/state_dict_keys.json");
    if !state_dicts.is_file() {
        println!("SKIPPED: {} is absent", state_dicts.display());
        return;
    }
    let listed: serde_json::Value = serde_json::from_slice(&std::fs::read(state_dicts).unwrap()).unwrap();
    for (name, kind) in [
        ("EfficientNetB4", Kind::EfficientnetB4),
        ("EfficientNetAutoAttB4", Kind::EfficientnetB4Attention),
        ("EfficientNetB4ST", Kind::EfficientnetB4St),
        ("EfficientNetAutoAttB4ST", Kind::EfficientnetB4AttentionSt),
    ] {
        let have: layout::Shapes = serde_json::from_value::<Vec<(String, Vec<usize>, String)>>(listed[name].clone())
            .unwrap()
            .into_iter()
            .map(|(name, shape, _)| (name, shape))
            .collect();
        assert_eq!(layout::identify(&have), Some((kind, String::new())), "{name}");
        let expected = layout::expected(kind, &layout::infer(kind, &have).unwrap()).unwrap();
        let found = layout::compare(&expected, &have);
        assert!(found.is_complete(), "{name}: {found:?}");
    }
}

/// Weights of a kind that is never imported, as training writes them, open by their path, so that a
/// run can start from them.
#[test]
fn what_training_wrote_opens_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::at(folder.path().join("models"));
    let path = folder.path().join("weights.safetensors");
    let tensors: StateDict = [("norms".to_owned(), HostTensor::from_f32(&[2], &[1.0, 2.0]))].into();
    let entry = serde_json::to_string(&Entry::unstated("run", Kind::ClipTuned)).unwrap();
    let stated = [(ENTRY_KEY.to_owned(), entry)].into();
    std::fs::write(&path, write_safetensors(&tensors, Some(stated)).unwrap()).unwrap();
    let opened = registry.open(&path.display().to_string()).unwrap();
    assert_eq!((opened.entry.kind, opened.tensors.len()), (Kind::ClipTuned, 1));
}
