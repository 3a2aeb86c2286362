//! The functions of the reference app, one file each.

use stockade::Function;

use crate::state::AppState;

mod create_order;
mod create_upload;
mod health;
mod nightly;
mod order_worker;
mod quote;

/// Every function. The manifest and the tests see what stands here and nothing else.
pub fn all() -> [Function<AppState>; 6] {
    [
        create_order::function(),
        create_upload::function(),
        quote::function(),
        order_worker::function(),
        nightly::function(),
        health::function(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_registered() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/functions");
        let files: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|file| {
                file.file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('_', "-")
            })
            .collect();

        let app = stockade::App::new("orders").functions(all());
        let registered: BTreeSet<_> = app
            .manifest()
            .functions()
            .iter()
            .map(|function| function.name().to_owned())
            .collect();

        assert_eq!(files, registered);
    }
}
