//! Files that are embedded by `include_dir` and *added* later are not noticed by the compiler: watch their folder.

fn main() {
    println!("cargo::rerun-if-changed=assets");
}
