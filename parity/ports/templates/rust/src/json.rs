//! A strict reader of JSON (RFC 8259): parameters.json and the lines of `serve`.

use std::fmt::Write;

const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// One document and nothing after it.
    pub fn parse(text: &str) -> Result<Json, String> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let found = reader.value().and_then(|value| {
            reader.skip_space();
            if reader.at < text.len() {
                Err("something after the end".to_string())
            } else {
                Ok(value)
            }
        });
        found.map_err(|what| format!("not JSON: {what}, at byte {}", reader.at))
    }

    /// A member of an object; None where there is none, or this is none.
    pub fn member(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A member of an object that is a string.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.member(key) {
            Some(Json::String(text)) => Some(text),
            _ => None,
        }
    }
}

/// A string with quotes and escapes.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control < ' ' => write!(quoted, "\\u{:04x}", control as u32).expect("a String grows"),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let there = self.text.as_bytes()[self.at..].starts_with(wanted.as_bytes());
        self.at += if there { wanted.len() } else { 0 };
        there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Json, String> {
        self.skip_space();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("nested too deeply".into());
        }
        let found = match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            _ if self.skip("null") => Ok(Json::Null),
            _ if self.skip("true") => Ok(Json::Bool(true)),
            _ if self.skip("false") => Ok(Json::Bool(false)),
            _ => self.number(),
        };
        self.depth -= 1;
        found
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut members: Vec<(String, Json)> = Vec::new();
        self.inside("}", |reader| {
            let key = reader.string()?;
            if members.iter().any(|(name, _)| *name == key) {
                return Err("the same key twice".into());
            }
            reader.skip_space();
            if !reader.skip(":") {
                return Err("expected :".into());
            }
            members.push((key, reader.value()?));
            Ok(())
        })?;
        Ok(Json::Object(members))
    }

    fn array(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        self.inside("]", |reader| {
            items.push(reader.value()?);
            Ok(())
        })?;
        Ok(Json::Array(items))
    }

    /// What stands between brackets, item by item.
    fn inside(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.at += 1;
        self.skip_space();
        if self.skip(close) {
            return Ok(());
        }
        loop {
            self.skip_space();
            item(self)?;
            self.skip_space();
            if !self.skip(",") {
                break;
            }
        }
        if self.skip(close) {
            Ok(())
        } else {
            Err("expected , or the closing bracket".into())
        }
    }

    fn digits(&mut self) -> Result<(), String> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err("expected a digit".into())
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let start = self.at;
        self.skip("-");
        if !self.skip("0") {
            self.digits()?;
        }
        if self.skip(".") {
            self.digits()?;
        }
        if self.skip("e") || self.skip("E") {
            let _ = self.skip("+") || self.skip("-");
            self.digits()?;
        }
        self.text[start..self.at]
            .parse()
            .map(Json::Number)
            .map_err(|error| error.to_string())
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.skip("\"") {
            return Err("expected a string".into());
        }
        let mut found = String::new();
        loop {
            let letter = self.text[self.at..].chars().next().ok_or("a string without its end")?;
            self.at += letter.len_utf8();
            match letter {
                '"' => return Ok(found),
                '\\' => found.push(self.escape()?),
                control if control < ' ' => return Err("a control character inside a string".into()),
                other => found.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let letter = self.peek().ok_or("a string without its end")?;
        if letter == b'u' {
            self.at += 1;
            return self.unicode();
        }
        let known = b"\"\\/bfnrt"
            .iter()
            .position(|&known| known == letter)
            .ok_or("an unknown escape")?;
        self.at += 1;
        Ok(['"', '\\', '/', '\u{8}', '\u{c}', '\n', '\r', '\t'][known])
    }

    fn unicode(&mut self) -> Result<char, String> {
        let mut code = self.hex4()?;
        if (0xD800..0xDC00).contains(&code) {
            let low = if self.skip("\\u") { self.hex4()? } else { 0 };
            if !(0xDC00..0xE000).contains(&low) {
                return Err("half a surrogate pair".into());
            }
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        char::from_u32(code).ok_or_else(|| "half a surrogate pair".into())
    }

    fn hex4(&mut self) -> Result<u32, String> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err("\\u without four hexadecimal digits".into());
        }
        let code = u32::from_str_radix(&self.text[self.at..self.at + 4], 16).map_err(|error| error.to_string())?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_json_is_read() {
        let text = r#" {"a": [1, -2.5e3, true, null], "b": "\u00e9\ud83d\ude00\n"} "#;
        let found = Json::parse(text).unwrap();
        let numbers = vec![Json::Number(1.0), Json::Number(-2500.0), Json::Bool(true), Json::Null];
        assert_eq!(found.member("a"), Some(&Json::Array(numbers)));
        assert_eq!(found.text("b"), Some("é😀\n"));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let bad = [
            "",
            "{",
            "01",
            "1.",
            "[1,]",
            r#"{"a":1,"a":2}"#,
            r#""\ud800""#,
            "nul",
            "1 2",
            "\"\n\"",
            r#""\x""#,
        ];
        for text in bad {
            assert!(Json::parse(text).is_err(), "{text:?}");
        }
        assert!(Json::parse(&"[".repeat(40)).is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = "a \"b\" \\ \n é";
        assert_eq!(Json::parse(&quoted(text)), Ok(Json::String(text.into())));
    }
}
