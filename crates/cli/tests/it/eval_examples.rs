//! The examples of evals do what their READMEs say: every command in them, in order.

use std::{fs, path::Path, process::Output};

use crate::support::{Folder, Server};

/// Examples, and what the commands of each are to exit with: `tieline sim` goes on running.
const EXAMPLES: [(&str, &[i32]); 3] = [
    // Too few cases to tell: inconclusive.
    ("from-promptfoo", &[0, 3]),
    ("from-openai", &[0, 3]),
    ("ticket-topic", &[0, 0, 1, 0]),
];

/// A copy of an example, with what its commands have set up so far.
struct Example {
    folder: Folder,
    environment: Vec<(String, String)>,
    sims: Vec<Server>,
}

impl Example {
    fn new(name: &str) -> Self {
        let folder = Folder::new();
        copy(&examples().join(name), folder.path());
        Self { folder, environment: Vec::new(), sims: Vec::new() }
    }

    /// Starts simulated providers on free ports, and has configurations call them there.
    fn simulate(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = |word: &&str| word.split_once("=127.0.0.1:").map(|(_, port)| port.to_owned());
        let ports: Vec<String> = words.iter().filter_map(port).collect();
        let free = |line: String, port: &String| line.replace(&format!(":{port}"), ":0");
        let sim = self.folder.start(&ports.iter().fold(words.join(" "), free));
        for entry in fs::read_dir(self.folder.path()).unwrap().flatten() {
            if entry.path().extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let mut text = fs::read_to_string(entry.path()).unwrap();
            for (at, port) in ports.iter().enumerate() {
                let url = sim.ready["providers"][at]["url"].as_str().unwrap();
                text = text.replace(&format!("http://127.0.0.1:{port}"), url);
            }
            fs::write(entry.path(), text).unwrap();
        }
        self.sims.push(sim);
    }

    /// Does what a line says; the exit code of a command that ends.
    fn follow(&mut self, line: &str) -> Option<i32> {
        if let Some(variables) = line.strip_prefix("export ") {
            let pairs = variables.split_whitespace().filter_map(|pair| pair.split_once('='));
            self.environment.extend(pairs.map(|(key, it)| (key.to_owned(), it.to_owned())));
            return None;
        }
        let line = line.strip_prefix("tieline ").unwrap();
        if line.starts_with("sim ") {
            self.simulate(line);
            return None;
        }
        let mut command = self.folder.command(line);
        let Output { status, stderr, .. } =
            command.envs(self.environment.iter().cloned()).output().unwrap();
        eprintln!("{line}\n{}", String::from_utf8_lossy(&stderr));
        status.code()
    }
}

fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/evals"))
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The lines of a README that a shell is to run.
fn commands(readme: &str) -> Vec<String> {
    let blocks = readme.split("```").skip(1).step_by(2).filter_map(|it| it.strip_prefix("sh\n"));
    let lines = blocks.flat_map(|block| {
        let joined = block.replace("\\\n", " ");
        joined.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines.filter(|line| !line.trim().is_empty()).collect()
}

#[test]
fn examples_do_what_their_readmes_say() {
    for (name, codes) in EXAMPLES {
        let readme = fs::read_to_string(examples().join(name).join("README.md")).unwrap();
        let mut example = Example::new(name);
        let ended: Vec<i32> =
            commands(&readme).iter().filter_map(|line| example.follow(line)).collect();
        assert_eq!(ended, codes, "{name}");
        assert_eq!(example.sims.len(), 1, "{name}");
    }
}
