//! rust_port: every stage behind the embedding network but KMeans.
//!
//! usage: rust_port [--plda FOLDER] [--mistake greedy_assignment|count_half_up] describe | stage NAME IN OUT | serve
//!
//! FOLDER is `constants` of a porting kit; without it xvec and plda are left to the lab.

// What the template has (`parity new-port DIR --language rust`) is compiled as it stands; only its main is another one.
#[path = "../../../../parity/ports/templates/rust/src/assignment.rs"]
mod assignment;
#[path = "../../../../parity/ports/templates/rust/src/geometry.rs"]
mod geometry;
#[path = "../../../../parity/ports/templates/rust/src/json.rs"]
mod json;
#[path = "../../../../parity/ports/templates/rust/src/npy.rs"]
mod npy;
#[path = "../../../../parity/ports/templates/rust/src/protocol.rs"]
mod protocol;
#[path = "../../../../parity/ports/templates/rust/src/ranking.rs"]
mod ranking;
#[path = "../../../../parity/ports/templates/rust/src/stages.rs"]
mod stages;
#[path = "../../../../parity/ports/templates/rust/src/turns.rs"]
mod turns;

mod clustering;
mod linkage;
mod mistakes;
mod plda;

use protocol::{Port, StageFunction};

fn table(mistake: Option<&str>, with_plda: bool) -> Option<Vec<(&'static str, StageFunction)>> {
    let mut table: Vec<(&'static str, StageFunction)> = vec![
        ("speaker_counting", stages::speaker_counting),
        ("filter", stages::filter),
        ("ahc", clustering::ahc),
        ("vbx", clustering::vbx),
        ("centroids", clustering::centroids),
        ("scoring", clustering::scoring),
        ("assignment", stages::assignment),
        ("reconstruction", stages::reconstruction),
        ("annotation", stages::annotation),
    ];
    if with_plda {
        table.extend([
            ("xvec", plda::xvec as StageFunction),
            ("plda", plda::plda as StageFunction),
        ]);
    }
    let planted: Option<(&str, StageFunction)> = match mistake {
        Some("greedy_assignment") => Some(("assignment", mistakes::greedy_assignment)),
        Some("count_half_up") => Some(("speaker_counting", mistakes::count_half_up)),
        Some(_) => return None,
        None => None,
    };
    if let Some((name, run)) = planted {
        table
            .iter_mut()
            .filter(|(stage, _)| *stage == name)
            .for_each(|stage| stage.1 = run);
    }
    Some(table)
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut flag = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        let value = arguments.get(at + 1).cloned();
        arguments.drain(at..arguments.len().min(at + 2));
        value
    };
    let (folder, mistake) = (flag("--plda"), flag("--mistake"));
    let Some(stages) = table(mistake.as_deref(), folder.is_some()) else {
        eprintln!(
            "--mistake {}: there are greedy_assignment, count_half_up",
            mistake.unwrap_or_default()
        );
        std::process::exit(2);
    };
    if let Some(folder) = folder {
        plda::FOLDER.set(folder.into()).expect("set once");
    }
    let port = Port {
        name: "rust_port",
        version: env!("CARGO_PKG_VERSION"),
        stages: &stages,
    };
    std::process::exit(protocol::run(&port, &arguments));
}
