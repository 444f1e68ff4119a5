//! The inputs that the fuzzers begin with, and those that once broke something: each goes through its target in every
//! run of the tests, without a fuzzer.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/targets/mod.rs"]
pub mod targets;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    std::fs::read_dir(folder).unwrap().map(name).collect()
}

#[test]
fn every_input_of_every_corpus_passes() {
    let mut broken = Vec::new();
    for (name, target) in targets::TARGETS {
        let corpus = fuzz().join("corpus").join(name);
        let inputs = names(&corpus);
        assert!(inputs.len() >= 10, "{name} begins with next to nothing");
        for input in inputs {
            let bytes = std::fs::read(corpus.join(&input)).unwrap();
            if catch_unwind(|| target(&bytes)).is_err() {
                broken.push(format!("{name}/{input}"));
            }
        }
    }
    assert!(broken.is_empty(), "what is wrong stands above: {broken:?}");
}

#[test]
fn every_target_has_a_binary_a_corpus_and_a_dictionary() {
    let targets: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| name.to_string()).collect();
    let listed = |folder: &str, end: &str| -> BTreeSet<String> {
        let names = names(&fuzz().join(folder));
        names.iter().filter_map(|n| n.strip_suffix(end)).map(str::to_owned).collect()
    };
    assert_eq!(listed("corpus", ""), targets);
    assert_eq!(listed("fuzz_targets", ".rs"), targets);
    assert_eq!(listed("", ".dict"), targets);
    let manifest = std::fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    let binaries = manifest.split("[[bin]]").skip(1).filter_map(|b| b.split('"').nth(1));
    assert_eq!(binaries.map(str::to_owned).collect::<BTreeSet<_>>(), targets);
}
