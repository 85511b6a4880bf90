//! Writing records into a file below `files/` in the data folder, and nowhere else.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use flow::run::event::TaskError;
use serde_json::{Value, json};

use super::records;
use crate::task_type::TaskContext;

/// The folder below the data folder that tasks may write to.
const FILES: &str = "files";

/// Folders a destination may go down.
const DEPTH_MAX: usize = 8;

/// Writes and says where and how much.
pub(super) async fn write(
    ctx: &TaskContext,
    destination: Option<&str>,
    input: &Value,
) -> Result<Value, TaskError> {
    let relative = match destination
        .map(str::trim)
        .filter(|destination| !destination.is_empty())
    {
        Some(destination) => below_files(destination)?,
        None => PathBuf::from(ctx.flow.as_ref()).join(format!("{}-{}.json", ctx.run, ctx.task)),
    };
    let found = records::find(input);
    let count = found.map_or(0, <[Value]>::len);
    let content = match found {
        Some(records) => serde_json::to_vec(records),
        None => serde_json::to_vec(input),
    };
    let content = content
        .map_err(|error| TaskError::new("io", format!("the records cannot be written as JSON: {error}")))?;
    let bytes = content.len();
    let (data_dir, file) = (ctx.data_dir.clone(), relative.clone());
    let part = format!(".{}-{}-{}.part", ctx.run, ctx.task, ctx.attempt);
    // Not taken back by a cancel: a file is written whole or not at all.
    let written = tokio::task::spawn_blocking(move || write_file(&data_dir, &file, &part, &content)).await;
    let path = Path::new(FILES).join(&relative).display().to_string();
    match written {
        Ok(Ok(())) => {}
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidInput => {
            return Err(TaskError::new("input", error.to_string()).permanent());
        }
        Ok(Err(error)) => {
            return Err(TaskError::new(
                "io",
                format!("`{path}` could not be written: {error}"),
            ));
        }
        Err(error) => {
            return Err(TaskError::new(
                "io",
                format!("`{path}` could not be written: {error}"),
            ));
        }
    }
    ctx.info(&format!("Stored {count} records in {path} ({bytes} bytes)"));
    Ok(json!({ "destination": destination, "path": path, "bytes": bytes, "records": count }))
}

/// A destination as a path below `files/`.
fn below_files(destination: &str) -> Result<PathBuf, TaskError> {
    let wrong = |why: &str| {
        let shown = super::super::first_chars(destination, 100)
            .escape_debug()
            .to_string();
        TaskError::new("input", format!("`destination` is `{shown}`: {why}; write a path below `files/` in the data folder, such as `orders/today.json`")).permanent()
    };
    if destination.contains("://") {
        return Err(wrong("that is a URL, and only files are written"));
    }
    if destination.contains(['\0', '\\']) || destination.chars().any(char::is_control) {
        return Err(wrong("it holds characters no file name should"));
    }
    let mut path = PathBuf::new();
    for component in Path::new(destination).components() {
        match component {
            Component::Normal(name) if name.len() <= 200 => path.push(name),
            Component::Normal(_) => return Err(wrong("a name in it is longer than 200 bytes")),
            Component::CurDir => {}
            Component::ParentDir => return Err(wrong("`..` leads out of the folder")),
            Component::RootDir | Component::Prefix(_) => return Err(wrong("it is an absolute path")),
        }
    }
    if path.as_os_str().is_empty() || destination.ends_with('/') {
        return Err(wrong("it names no file"));
    }
    if path.components().count() > DEPTH_MAX {
        return Err(wrong("it goes down too many folders"));
    }
    if path.extension().is_none() {
        path.set_extension("json");
    }
    Ok(path)
}

/// Writes a file whole: beside its place first, then moved there, which replaces a link instead of following it.
fn write_file(data_dir: &Path, file: &Path, part: &str, content: &[u8]) -> io::Result<()> {
    let mut folder = data_dir.join(FILES);
    std::fs::create_dir_all(&folder)?;
    for component in file.parent().into_iter().flat_map(Path::components) {
        folder.push(component);
        enter(&folder)?;
    }
    let target = data_dir.join(FILES).join(file);
    if target.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`destination` is a folder: {}", file.display()),
        ));
    }
    let part = folder.join(part);
    let _ = std::fs::remove_file(&part);
    let mut writer = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)?;
    let moved = writer
        .write_all(content)
        .and_then(|()| writer.sync_all())
        .and_then(|()| std::fs::rename(&part, &target));
    if moved.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    moved
}

/// Makes sure that a folder is there and is one, not a link to one elsewhere.
fn enter(folder: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "`destination` leads through `{}`, which is no folder of its own",
                folder.display()
            ),
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match std::fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        },
        Err(error) => Err(error),
    }
}
