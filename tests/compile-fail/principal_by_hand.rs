//! A caller that no token stands for: the test kit is not in an app that is built to run.
//!
//! mistake: `Principal::for_tests("ada")`
//! mended: `Principal::id`
//! error: no function or associated item named `for_tests` found for struct `Principal` in the current scope
//! arrow: `for_tests`

use stockade::Principal;

fn main() {
    let _ = Principal::for_tests("ada");
}
