//! Good and broken containers, foreign calls, and files that claim more than they have.
#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]
mod make;

use assay_checkpoints::{Checkpoint, CheckpointError, Container, Dtype, Options, PlainValue};
use make::{
    archive, dict, global, int, ordered, pickle, small_archive, small_stream, storage, stream, tensor, text, tuple,
};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_bytes(bytes, Options::default())
}

fn reason(bytes: &[u8]) -> String {
    read(bytes).expect_err("it is broken").to_string()
}

#[test]
fn both_containers_give_the_same_tensors() {
    let (zip, stream) = (read(&small_archive()).unwrap(), read(&small_stream()).unwrap());
    assert_eq!((zip.container, stream.container), (Container::TorchZip, Container::TorchStream));
    assert_eq!(zip.sections, stream.sections);
    assert_eq!(zip.values, stream.values);
    let net = &zip.sections["net"];
    assert_eq!(net["a.weight"].to_f32(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!((net["a.turned"].to_f32(), &net["a.turned"].shape), (vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &vec![3, 2]));
    assert_eq!((net["b"].dtype, net["b"].to_f32()), (Dtype::F16, vec![-2.0]));
    assert_eq!((net["n"].shape.len(), net["n"].to_f32()), (0, vec![300.0]));
    assert_eq!((&zip.values["epoch"], &zip.values["loss"]), (&PlainValue::Int(7), &PlainValue::Float(0.25)));
    assert_eq!(zip.skipped.iter().collect::<Vec<_>>(), [(&"opt".to_owned(), &1)]);
    assert_eq!(zip.sections.len(), 1, "the optimiser's tensors stay in the file");
    let everything = Checkpoint::from_bytes(&small_stream(), Options { optimisers: true }).unwrap();
    assert_eq!(everything.sections["opt"]["state.0.exp_avg"].to_f32(), [9.0]);
    assert!(zip.into_tensors().contains_key("net.a.weight"));
}

#[test]
fn safetensors_and_folders_are_told_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = assay_checkpoints::StateDict::new();
    tensors.insert("x".into(), assay_checkpoints::HostTensor::from_f32(&[1], &[2.0]));
    let metadata = [("who".to_owned(), "we".to_owned())].into();
    let path = folder.path().join("misnamed.pth");
    std::fs::write(&path, assay_checkpoints::write_safetensors(&tensors, Some(metadata)).unwrap()).unwrap();
    let checkpoint = Checkpoint::read(&path).unwrap();
    assert_eq!(checkpoint.container, Container::Safetensors);
    assert_eq!(checkpoint.sections[""], tensors);
    assert_eq!(checkpoint.values["who"], PlainValue::Text("we".into()));
    assert!(Checkpoint::read(folder.path()).unwrap_err().to_string().contains("not a file"));
    assert!(matches!(Checkpoint::read(&folder.path().join("none")), Err(CheckpointError::Io(_))));
}

/// Everything that makes Python call something, with the name that the refusal must say.
fn foreign_calls() -> Vec<(&'static str, Vec<u8>)> {
    let system = [global("os", "system"), tuple(&[text("touch ran")])].concat();
    let stacked = |module: &str, name: &str| [text(module), text(name), vec![0x93]].concat();
    vec![
        ("os.system", [&system[..], b"R"].concat()),
        ("posix.system", [global("posix", "system"), tuple(&[text("touch ran")]), b"R".to_vec()].concat()),
        ("os.system", [stacked("os", "system"), tuple(&[text("touch ran")]), b"R".to_vec()].concat()),
        ("os.system", [&b"("[..], &text("touch ran"), b"ios\nsystem\n"].concat()),
        ("os.system", [&b"("[..], &global("os", "system"), &text("touch ran"), b"o"].concat()),
        ("os.system", [&system[..], b"\x81"].concat()),
        ("os.system", [&system[..], b"}\x92"].concat()),
        ("builtins.eval", [global("builtins", "eval"), tuple(&[text("1")]), b"R".to_vec()].concat()),
        ("__builtin__.eval", [global("__builtin__", "eval"), tuple(&[text("1")]), b"R".to_vec()].concat()),
        ("torch.storage._load_from_bytes", global("torch.storage", "_load_from_bytes")),
        ("torch._utils.os.system", stacked("torch._utils", "os.system")),
        ("collections.OrderedDict.update", stacked("collections", "OrderedDict.update")),
        ("a class of Python's extension registry", b"\x82\x01".to_vec()),
        ("os.system", dict(&[("epoch", int(1)), ("extra", dict(&[("deep", [&system[..], b"R"].concat())]))])),
        ("os.system", ordered(&[("a", tensor(storage("FloatStorage", "0", 6), 0, &[6], &[1])), ("b", system)])),
        ("bad\\u{1b}[31m.x", global("bad\u{1b}[31m", "x")),
    ]
}

#[test]
fn a_pickle_that_calls_anything_else_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, call) in foreign_calls() {
        let in_zip = archive("x/", &[("data.pkl", pickle(&call)), ("data/0", vec![0; 24])]);
        for (bytes, container) in [(in_zip, "zip"), (stream(&call, &[]), "stream"), (pickle(&call), "bare")] {
            let error = read(&bytes).unwrap_err();
            let CheckpointError::Refused(what) = &error else { panic!("{container} {name}: {error}") };
            assert_eq!(what, name, "{container}");
            assert!(error.to_string().contains("refused"), "{error}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(!std::path::Path::new("ran").exists(), "nothing runs");
    // Protocol 0, without any head.
    assert!(
        matches!(read(b"cos\nsystem\n(S'touch ran'\ntR."), Err(CheckpointError::Refused(what)) if what == "os.system")
    );
}

#[test]
fn what_is_no_checkpoint_is_said_in_words() {
    let zip = |entries: &[(&str, Vec<u8>)]| archive("x/", entries);
    let content = |tensor: Vec<u8>| pickle(&dict(&[("w", tensor)]));
    let one = || tensor(storage("FloatStorage", "0", 2), 0, &[2], &[1]);
    let mut tar = vec![0; 600];
    tar[257..262].copy_from_slice(b"ustar");
    let mut big = small_stream();
    let at = big.windows(13).position(|w| w == b"little_endian").unwrap() + 13;
    big[at] = 0x89;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "empty"),
        (b"This is a text.".to_vec(), "neither safetensors nor a checkpoint"),
        (vec![0xff; 4000], "neither safetensors nor a checkpoint"),
        (b"PK\x03\x04 and no more".to_vec(), "not a whole zip"),
        (tar, "tar archive"),
        (big, "byte order is big"),
        (pickle(&dict(&[])), "not one of torch.save"),
        (zip(&[("other", vec![1])]), "without data.pkl"),
        (zip(&[("data.pkl", pickle(b"}")), ("byteorder", b"big".to_vec())]), "byte order is \"big\""),
        (zip(&[("data.pkl", pickle(b"}")), ("constants.pkl", pickle(b")"))]), "TorchScript"),
        (zip(&[("data.pkl", content(one()))]), "data/0 is missing"),
        (zip(&[("data.pkl", content(one())), ("data/0", vec![0; 7])]), "has 7 bytes instead of 8"),
        (zip(&[("data.pkl", content(storage("FloatStorage", "0", u64::MAX >> 2)))]), ""),
        (
            zip(&[("data.pkl", content(tensor(storage("FloatStorage", "0", 1 << 60), 0, &[1 << 59], &[1])))]),
            "more than",
        ),
        (
            zip(&[
                ("data.pkl", content(tensor(storage("FloatStorage", "0", 2), 1, &[2], &[1]))),
                ("data/0", vec![0; 8]),
            ]),
            "looks at element 2",
        ),
        // One element, shown ten thousand million times.
        (
            zip(&[("data.pkl", content(tensor(storage("FloatStorage", "0", 1), 0, &[100_000, 100_000], &[0, 0])))]),
            "would take more",
        ),
        (zip(&[("data.pkl", b"\x80\x09.".to_vec())]), "protocol 9"),
        (zip(&[("data.pkl", b"\x80\x02}".to_vec())]), "ends too early"),
        (zip(&[("data.pkl", b"\x80\x02X\xff\xff\xff\xff".to_vec())]), "larger than"),
        (zip(&[("data.pkl", b"\x80\x02\x8e\0\0\0\x01\0\0\0\0a.".to_vec())]), "ends too early"),
        (zip(&[("data.pkl", b"\x80\x02h\x05.".to_vec())]), "never kept"),
        (zip(&[("data.pkl", b"\x80\x02.".to_vec())]), "stack is empty"),
        (zip(&[("data.pkl", b"\x80\x02u.".to_vec())]), "mark is missing"),
        (zip(&[("data.pkl", b"\x80\x02K\x01K\x02s.".to_vec())]), "stack is empty"),
        (zip(&[("data.pkl", b"\x80\x02K\x01K\x02a.".to_vec())]), "no container"),
        (zip(&[("data.pkl", b"\x80\x02\x8f.".to_vec())]), "set"),
        (
            zip(&[("data.pkl", pickle(&[global("collections", "OrderedDict"), b"K\x01R".to_vec()].concat()))]),
            "wrong arguments for collections.OrderedDict",
        ),
        // A list that holds itself, and one that doubles at every step.
        (zip(&[("data.pkl", b"\x80\x02]q\x00h\x00a.".to_vec())]), "nested without end"),
        (zip(&[("data.pkl", pickle(&[&b"K\x01"[..], &b"2\x86".repeat(40)].concat()))]), "nested without end"),
        (
            zip(&[(
                "data.pkl",
                pickle(
                    &tuple(&[text("module"), global("torch", "Size"), text("x")])[..]
                        .iter()
                        .copied()
                        .chain(*b"Q")
                        .collect::<Vec<u8>>(),
                ),
            )]),
            "whole module",
        ),
    ];
    for (bytes, word) in cases {
        if word.is_empty() {
            assert!(
                read(&bytes).is_ok_and(|c| c.sections.is_empty()),
                "a storage that no tensor looks into is not read"
            );
            continue;
        }
        let reason = reason(&bytes);
        assert!(reason.contains(word), "{word}: {reason}");
    }
}

#[test]
fn old_and_new_protocols_are_understood() {
    let storages = [("0", 2, make::floats(&[1.0, 2.0]))];
    let plain = tensor(storage("FloatStorage", "0", 2), 0, &[2], &[1]);
    // Python 2: entries as pairs, byte strings as names, decimal numbers, a parameter around the
    // tensor.
    let pair = [b"](U\x01w", &plain[..], b"e"].concat();
    let old = [&global("collections", "OrderedDict")[..], b"](", &pair, b"e\x85R"].concat();
    assert_eq!(read(&stream(&old, &storages)).unwrap().sections[""]["w"].to_f32(), [1.0, 2.0]);
    let parameter =
        [global("torch._utils", "_rebuild_parameter"), tuple(&[plain.clone(), vec![0x88], vec![b'N']]), b"R".to_vec()];
    let decimal =
        [&b"(dS'w'\n"[..], &parameter.concat(), b"sS'n'\nI12\nsS'l'\nL-3L\nsS't'\nI01\nsS'f'\nF0.5\ns"].concat();
    let checkpoint = read(&stream(&decimal, &storages)).unwrap();
    assert_eq!(checkpoint.sections[""]["w"].to_f32(), [1.0, 2.0]);
    assert_eq!(
        [&checkpoint.values["n"], &checkpoint.values["l"], &checkpoint.values["t"], &checkpoint.values["f"]],
        [&PlainValue::Int(12), &PlainValue::Int(-3), &PlainValue::Bool(true), &PlainValue::Float(0.5)]
    );
    // Protocol 4: a frame, short texts, memo by order.
    let new = b"\x80\x04\x95\0\0\0\0\0\0\0\0}\x94(\x8c\x01e\x94K\x05\x8c\x01s\x94h\x01u.";
    let checkpoint = read(&archive("", &[("data.pkl", new.to_vec())])).unwrap();
    assert_eq!(
        (&checkpoint.values["e"], &checkpoint.values["s"]),
        (&PlainValue::Int(5), &PlainValue::Text("e".into()))
    );
    // A stretch of a storage, as the stream container keeps views of views.
    let view = tuple(&[text("v"), int(1), int(1)]);
    let part = [
        tuple(&[text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(2), view]),
        b"Q".to_vec(),
    ];
    let part = dict(&[("w", tensor(part.concat(), 0, &[1], &[1]))]);
    assert_eq!(read(&stream(&part, &storages)).unwrap().sections[""]["w"].to_f32(), [2.0]);
}

#[test]
fn every_cut_is_told() {
    for whole in [small_archive(), small_stream()] {
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut} of {}", whole.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), zip in any::<bool>()) {
        let mut bytes = if zip { small_archive() } else { small_stream() };
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(checkpoint) = Checkpoint::from_bytes(&bytes, Options { optimisers: true }) {
            for tensor in checkpoint.sections.values().flat_map(|s| s.values()) {
                prop_assert_eq!(tensor.bytes.len(), tensor.shape.iter().product::<usize>() * tensor.dtype.size());
            }
        }
    }

    #[test]
    fn any_pickle_is_answered(content in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&archive("x/", &[("data.pkl", content.clone())]));
        let _ = read(&content);
    }
}
