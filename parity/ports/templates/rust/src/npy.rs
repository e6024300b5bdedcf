//! Arrays in `.npy` files: little-endian, C order, as the lab writes them and wants them.
//!
//! Source of the format: NEP 1 of NumPy. Reading is strict: another dtype, another number of dims, Fortran order, a file
//! that is too short or too long are refused with what was expected and what was found.

use std::fs;
use std::path::Path;

/// An array in C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    pub shape: Vec<usize>,
    pub data: Vec<T>,
}

impl<T: Clone + Default> Array<T> {
    pub fn zeros(shape: &[usize]) -> Self {
        Array {
            shape: shape.to_vec(),
            data: vec![T::default(); shape.iter().product()],
        }
    }
}

/// A kind of number, and how it lies in a file.
pub trait Number: Copy {
    const DESCR: &'static str;
    fn from_bytes(bytes: &[u8]) -> Self;
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! number {
    ($($kind:ty = $descr:literal),*) => {$(
        impl Number for $kind {
            const DESCR: &'static str = $descr;
            fn from_bytes(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as a number has"))
            }
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
        }
    )*};
}

number!(
    f32 = "<f4",
    f64 = "<f8",
    i8 = "|i1",
    u8 = "|u1",
    i16 = "<i2",
    u16 = "<u2",
    i32 = "<i4",
    u32 = "<u4",
    i64 = "<i8"
);

/// A file, and what its header says.
struct File {
    place: String,
    descr: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
    start: usize,
}

impl File {
    fn open(path: &Path) -> Result<File, String> {
        let place = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| format!("{place}: {error}"))?;
        if bytes.len() < 10 || !bytes.starts_with(b"\x93NUMPY") {
            return Err(format!("{place}: not a .npy file"));
        }
        if bytes[6] != 1 {
            return Err(format!("{place}: .npy version {}; version 1 is read", bytes[6]));
        }
        let start = 10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
        let header = bytes
            .get(10..start)
            .ok_or_else(|| format!("{place}: truncated in its header"))?;
        let header = std::str::from_utf8(header).map_err(|_| format!("{place}: damaged header"))?;
        let (descr, shape) = parse_header(header).map_err(|what| format!("{place}: {what}"))?;
        Ok(File {
            place,
            descr,
            shape,
            bytes,
            start,
        })
    }

    fn numbers<T: Number>(&self) -> Result<Array<T>, String> {
        let size = std::mem::size_of::<T>();
        let data = &self.bytes[self.start..];
        let declared = self
            .shape
            .iter()
            .try_fold(size, |product, &length| product.checked_mul(length));
        if declared != Some(data.len()) {
            let (place, shape, follow) = (&self.place, &self.shape, data.len());
            return Err(format!(
                "{place}: its header declares {shape:?} of {}, {follow} bytes follow",
                self.descr
            ));
        }
        Ok(Array {
            shape: self.shape.clone(),
            data: data.chunks_exact(size).map(T::from_bytes).collect(),
        })
    }

    fn widened<T: Number, W: From<T>>(&self) -> Result<Array<W>, String> {
        let Array { shape, data } = self.numbers::<T>()?;
        Ok(Array {
            shape,
            data: data.into_iter().map(W::from).collect(),
        })
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, String> {
        Err(format!("{}: dtype {}, expected {expected}", self.place, self.descr))
    }
}

/// An array of exactly this dtype.
pub fn read<T: Number>(path: &Path) -> Result<Array<T>, String> {
    let file = File::open(path)?;
    if file.descr == T::DESCR {
        file.numbers()
    } else {
        file.unexpected(T::DESCR)
    }
}

/// An array of float32 or float64, as float64.
pub fn read_floats(path: &Path) -> Result<Array<f64>, String> {
    let file = File::open(path)?;
    match file.descr.as_str() {
        "<f4" => file.widened::<f32, f64>(),
        "<f8" => file.numbers(),
        _ => file.unexpected("floats"),
    }
}

/// An array of integers of any size up to 32 bits, or int64, as int64: labels and indices.
pub fn read_integers(path: &Path) -> Result<Array<i64>, String> {
    let file = File::open(path)?;
    match file.descr.as_str() {
        "|i1" => file.widened::<i8, i64>(),
        "|u1" => file.widened::<u8, i64>(),
        "<i2" => file.widened::<i16, i64>(),
        "<u2" => file.widened::<u16, i64>(),
        "<i4" => file.widened::<i32, i64>(),
        "<u4" => file.widened::<u32, i64>(),
        "<i8" => file.numbers(),
        _ => file.unexpected("integers"),
    }
}

pub fn write<T: Number>(path: &Path, array: &Array<T>) -> Result<(), String> {
    let lengths: String = array.shape.iter().map(|length| format!("{length}, ")).collect();
    let shape = lengths
        .trim_end()
        .trim_end_matches(if array.shape.len() > 1 { "," } else { "" });
    let mut header = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({shape}), }}",
        T::DESCR
    );
    header += &" ".repeat((64 - (10 + header.len() + 1) % 64) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    array.data.iter().for_each(|number| number.put(&mut bytes));
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// The header is a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
fn parse_header(header: &str) -> Result<(String, Vec<usize>), String> {
    let damaged = || format!("damaged header {}", header.trim());
    let inside = header
        .trim()
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .ok_or_else(damaged)?;
    let (mut descr, mut order, mut shape) = (None, None, None);
    let mut rest = inside.trim();
    while !rest.is_empty() {
        let (key, value) = rest.split_once(':').ok_or_else(damaged)?;
        let value = value.trim_start();
        let length = match value.as_bytes().first() {
            Some(b'(') => value.find(')').ok_or_else(damaged)? + 1,
            _ => value.find(',').unwrap_or(value.len()),
        };
        let (word, after) = value.split_at(length);
        let place = match key {
            "'descr'" => &mut descr,
            "'fortran_order'" => &mut order,
            "'shape'" => &mut shape,
            _ => return Err(damaged()),
        };
        if place.replace(word.trim()).is_some() {
            return Err(damaged());
        }
        rest = after.trim_start().strip_prefix(',').unwrap_or(after).trim_start();
    }
    match order {
        Some("False") => (),
        Some("True") => return Err("not in C order".into()),
        _ => return Err(damaged()),
    }
    let quoted = descr
        .and_then(|text| text.strip_prefix('\''))
        .and_then(|text| text.strip_suffix('\''));
    let lengths = shape
        .and_then(|text| text.strip_prefix('('))
        .and_then(|text| text.strip_suffix(')'));
    let lengths = lengths
        .ok_or_else(damaged)?
        .split(',')
        .map(str::trim)
        .filter(|length| !length.is_empty());
    let lengths: Result<Vec<usize>, _> = lengths.map(str::parse).collect();
    Ok((quoted.ok_or_else(damaged)?.to_string(), lengths.map_err(|_| damaged())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_numpy_writes_them() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }     \n";
        assert_eq!(parse_header(header), Ok(("<f4".into(), vec![3, 4])));
        assert_eq!(
            parse_header("{'descr': '|u1', 'fortran_order': False, 'shape': (7,), }")
                .unwrap()
                .1,
            [7]
        );
        assert_eq!(
            parse_header("{'descr': '|u1', 'fortran_order': False, 'shape': (), }")
                .unwrap()
                .1,
            []
        );
    }

    #[test]
    fn what_is_damaged_or_in_another_order_is_refused() {
        for header in [
            "",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4)}",
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, x)}",
        ] {
            assert!(parse_header(header).is_err(), "{header}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let path = std::env::temp_dir().join(format!("my_port_npy_{}.npy", std::process::id()));
        let array = Array {
            shape: vec![2, 3],
            data: vec![1.0f32, 2.0, f32::INFINITY, -0.0, 5.0, 6.0],
        };
        write(&path, &array).unwrap();
        assert_eq!(read::<f32>(&path).as_ref(), Ok(&array));
        assert!(read::<f64>(&path).unwrap_err().contains("expected <f8"));
        assert_eq!(read_floats(&path).unwrap().data[1], 2.0);
        fs::remove_file(&path).unwrap();
    }
}
