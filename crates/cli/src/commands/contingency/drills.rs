//! Contingencies as drills, which prove or refute what was found of them.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use tieline_drill::{losing, name_of};
use tieline_gateway::contingency::Class;

use super::Shown;
use crate::failure::Failure;

/// Writes a drill for every single contingency that has something to show; gives how many.
pub(super) fn write(shown: &Shown, folder: &Path, config: &Path) -> Result<usize, Failure> {
    fs::create_dir_all(folder).map_err(Failure::os(format!("create {}", folder.display())))?;
    let topology = seen_from(folder, config);
    let singles = shown.report.contingencies.iter();
    let mut written = 0;
    for one in singles.filter(|one| one.contingency.class != Class::OutOfRange) {
        let Some(text) = losing(&shown.topology, one, &topology) else { continue };
        let path = folder.join(format!("{}.yaml", name_of(&one.contingency)));
        fs::write(&path, text).map_err(Failure::os(format!("write {}", path.display())))?;
        written += 1;
    }
    Ok(written)
}

/// The path of a file as a file in `folder` would write it: relative, where both are.
fn seen_from(folder: &Path, file: &Path) -> PathBuf {
    let plain = |path: &Path| {
        path.components().all(|one| matches!(one, Component::Normal(_) | Component::CurDir))
    };
    if !plain(folder) || !plain(file) {
        return std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    }
    let up = folder.components().filter(|one| matches!(one, Component::Normal(_)));
    let up = up.map(|_| Component::ParentDir);
    let down = file.components().filter(|one| matches!(one, Component::Normal(_)));
    up.chain(down).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drills_find_the_configuration() {
        for (folder, file, seen) in [
            ("drills", "tieline.yaml", "../tieline.yaml"),
            ("./a/b", "./c/tieline.yaml", "../../c/tieline.yaml"),
            ("/a", "/b/tieline.yaml", "/b/tieline.yaml"),
        ] {
            assert_eq!(seen_from(Path::new(folder), Path::new(file)), Path::new(seen));
        }
    }
}
