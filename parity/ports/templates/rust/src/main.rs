//! my_port: the name, the version and the stages of this port. A stage that you add goes into the table below.

mod assignment;
mod geometry;
mod json;
mod npy;
mod protocol;
mod ranking;
mod stages;
mod turns;

use protocol::Port;

const PORT: Port = Port {
    name: "my_port",
    version: env!("CARGO_PKG_VERSION"),
    stages: &[
        ("speaker_counting", stages::speaker_counting),
        ("filter", stages::filter),
        ("assignment", stages::assignment),
        ("reconstruction", stages::reconstruction),
        ("annotation", stages::annotation),
    ],
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    std::process::exit(protocol::run(&PORT, &arguments));
}
