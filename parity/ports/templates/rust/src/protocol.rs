//! The program contract of the lab, protocol 1: `describe`, `stage NAME IN OUT`, `serve`.

use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use crate::json::{quoted, Json};
use crate::npy::{self, Array, Number};

const PROTOCOL: u32 = 1;

pub type StageFunction = fn(&Job) -> Result<(), String>;

/// What a port is to this program.
pub struct Port<'a> {
    pub name: &'static str,
    pub version: &'static str,
    pub stages: &'a [(&'static str, StageFunction)],
}

/// One request: the folder to read, the folder to write, and the pipeline's parameters.
pub struct Job {
    source: PathBuf,
    target: PathBuf,
    parameters: Json,
}

impl Job {
    /// Whether an artefact is there. Those that were not made (nothing to cluster, say) are left out.
    pub fn has(&self, name: &str) -> bool {
        self.input(name).exists()
    }

    /// An artefact of exactly this dtype and shape; None in `shape` is any length.
    pub fn read<T: Number>(&self, name: &str, shape: &[Option<usize>]) -> Result<Array<T>, String> {
        expect_shape(name, npy::read(&self.input(name))?, shape)
    }

    /// The same of float32 or float64, as float64.
    pub fn read_floats(&self, name: &str, shape: &[Option<usize>]) -> Result<Array<f64>, String> {
        expect_shape(name, npy::read_floats(&self.input(name))?, shape)
    }

    /// The same of integers, as int64.
    pub fn read_integers(&self, name: &str, shape: &[Option<usize>]) -> Result<Array<i64>, String> {
        expect_shape(name, npy::read_integers(&self.input(name))?, shape)
    }

    pub fn write<T: Number>(&self, name: &str, array: &Array<T>) -> Result<(), String> {
        npy::write(&self.target.join(format!("{name}.npy")), array)
    }

    pub fn write_rttm(&self, name: &str, lines: &str) -> Result<(), String> {
        let path = self.target.join(format!("{name}.rttm"));
        fs::write(&path, lines).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// A number of parameters.json; None where it is null or not there.
    pub fn parameter(&self, name: &str) -> Result<Option<f64>, String> {
        match self.parameters.member(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Number(number)) => Ok(Some(*number)),
            Some(_) => Err(format!("parameters.json: {name} is no number")),
        }
    }

    /// The recording's name.
    pub fn recording(&self) -> Result<&str, String> {
        self.parameters
            .text("uri")
            .ok_or_else(|| "parameters.json: uri, the recording's name, is missing".into())
    }

    fn input(&self, name: &str) -> PathBuf {
        self.source.join(format!("{name}.npy"))
    }
}

fn expect_shape<T>(name: &str, array: Array<T>, shape: &[Option<usize>]) -> Result<Array<T>, String> {
    let fits = array.shape.len() == shape.len()
        && array
            .shape
            .iter()
            .zip(shape)
            .all(|(&length, wanted)| wanted.map_or(true, |wanted| wanted == length));
    let wanted: Vec<String> = shape
        .iter()
        .map(|length| length.map_or("any".into(), |n| n.to_string()))
        .collect();
    if fits {
        Ok(array)
    } else {
        Err(format!("{name}.npy: shape {:?}, expected {wanted:?}", array.shape))
    }
}

fn run_stage(port: &Port, name: &str, source: &Path, target: &Path) -> Result<(), String> {
    let (_, run) = port
        .stages
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or(format!("no stage {name}"))?;
    let path = source.join("parameters.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parameters = Json::parse(&text).map_err(|what| format!("{}: {what}", path.display()))?;
    run(&Job {
        source: source.into(),
        target: target.into(),
        parameters,
    })
}

fn describe(port: &Port) -> String {
    let stages: Vec<String> = port.stages.iter().map(|(name, _)| quoted(name)).collect();
    format!(
        "{{\"protocol\": {PROTOCOL}, \"name\": {}, \"version\": {}, \"pipeline\": \"community-1\", \"stages\": [{}], \
         \"formats\": [\"npy\"], \"serve\": true, \"run\": false, \"declares\": {{}}}}",
        quoted(port.name),
        quoted(port.version),
        stages.join(", ")
    )
}

/// What a request asks for, done: what the answer says beside `ok`.
fn fulfil(port: &Port, request: &Json) -> Result<String, String> {
    match request.text("request") {
        Some("describe") => Ok(format!(", \"describe\": {}", describe(port))),
        Some("stage") => {
            let text = |key: &str| request.text(key).ok_or(format!("a request for a stage has {key}"));
            run_stage(port, text("stage")?, Path::new(text("in")?), Path::new(text("out")?))?;
            Ok(String::new())
        }
        Some(other) => Err(format!("unknown request {other}")),
        None => Err("a request has the member \"request\"".into()),
    }
}

/// The answer to one request; whatever goes wrong is told in it, and the next one is served.
fn answer(port: &Port, line: &str) -> String {
    let request = Json::parse(line);
    let id = match request.as_ref().ok().and_then(|request| request.member("id")) {
        Some(Json::Number(number)) => number.to_string(),
        _ => "null".into(),
    };
    match request.and_then(|request| fulfil(port, &request)) {
        Ok(more) => format!("{{\"id\": {id}, \"ok\": true{more}}}"),
        Err(error) => format!("{{\"id\": {id}, \"ok\": false, \"error\": {}}}", quoted(&error)),
    }
}

fn serve(port: &Port) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line.map_err(|error| error.to_string())?;
        let answer = answer(port, &String::from_utf8_lossy(&line));
        writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Do what the command line asks; the exit status.
pub fn run(port: &Port, arguments: &[String]) -> i32 {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["describe"] => {
            println!("{}", describe(port));
            Ok(())
        }
        ["stage", name, source, target] => run_stage(port, name, Path::new(source), Path::new(target)),
        ["serve"] => serve(port),
        _ => {
            eprintln!("usage: {} describe | stage NAME IN OUT | serve", port.name);
            return 2;
        }
    };
    done.map_or_else(
        |error| {
            eprintln!("{}: {error}", words.join(" "));
            1
        },
        |()| 0,
    )
}
