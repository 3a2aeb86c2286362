use super::*;

fn values(template: &str, path: &str) -> Option<Vec<(String, Option<String>)>> {
    Template::parse(template).expect(template).matches(path)
}

fn found(template: &str, path: &str) -> String {
    match values(template, path) {
        None => "no".to_owned(),
        Some(values) => values
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("null")))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

#[test]
fn a_template_matches_as_aspnet_core_matches_it() {
    for (template, path, expected) in [
        ("api/orders/{id?}", "/api/orders", "id=null"),
        ("api/orders/{id?}", "/api/orders/", "id=null"),
        ("api/orders/{id?}", "/API/Orders/A%2Fb", "id=A%2Fb"),
        ("api/orders/{id?}", "/api/orders/1/2", "no"),
        ("api/orders/{id?}", "//api//orders", "no"),
        ("api/orders/{id?}", "/api/", "no"),
        ("api/{id=7}", "/api", "id=7"),
        ("api/{id}", "/api", "no"),
        ("{*path}", "/", "path=null"),
        ("{*path}", "/a/b/", "path=a/b/"),
        ("{**path}", "/a", "path=a"),
        ("files/{name}.{ext?}", "/files/a.b.txt", "name=a.b ext=txt"),
        (
            "files/{name}.{ext?}",
            "/files/readme",
            "ext=null name=readme",
        ),
        ("v{version:int}-{tag}", "/V12-beta", "version=12 tag=beta"),
        ("v{version:int}-{tag}", "/v-beta", "no"),
        ("v{version:int}-{tag}", "/vx-beta", "no"),
        ("", "/", ""),
    ] {
        assert_eq!(found(template, path), expected, "{template} on {path}");
    }
}

#[test]
fn a_constraint_takes_what_dotnet_parses() {
    for (constraint, taken, refused) in [
        (
            "int",
            vec!["5", "-5", "+5", " 7 "],
            vec!["x", "5.0", "2147483648"],
        ),
        ("long", vec!["2147483648"], vec!["9223372036854775808"]),
        ("bool", vec!["true", "FALSE"], vec!["1", "yes"]),
        (
            "datetime",
            vec![
                "2026-03-14",
                "2026-03-14T09:26:51Z",
                "3-14-2026 9:26 PM",
                "2024-02-29",
            ],
            vec!["x", "2026-13-01", "2026-02-29", "5"],
        ),
        ("decimal", vec!["1.5", "1,000.5"], vec!["1e5", "x"]),
        ("double", vec!["1e5", "-1.5"], vec!["x"]),
        (
            "guid",
            vec![
                "0f8fad5b-d9cb-469f-a165-70867728950e",
                "{0f8fad5b-d9cb-469f-a165-70867728950e}",
                "0f8fad5bd9cb469fa16570867728950e",
            ],
            vec!["0f8fad5b", "0f8fad5b-d9cb469f-a165-70867728950e"],
        ),
        ("alpha", vec!["abC"], vec!["a1"]),
        ("length(2,3)", vec!["ab", "abc"], vec!["a", "abcd"]),
        ("minlength(2)", vec!["ab"], vec!["a"]),
        ("range(1,5)", vec!["1", "5"], vec!["0", "6"]),
        (r"regex(^\d{{3}}$)", vec!["123"], vec!["12", "1234"]),
    ] {
        let template = Template::parse(&format!("{{x:{constraint}}}")).expect(constraint);
        for value in taken {
            assert!(
                template.matches(&format!("/{value}")).is_some(),
                "{constraint} takes {value}"
            );
        }
        for value in refused {
            assert!(
                template.matches(&format!("/{value}")).is_none(),
                "{constraint} refuses {value}"
            );
        }
    }
}

#[test]
fn an_optional_parameter_with_a_constraint_may_be_absent() {
    assert_eq!(
        found("typed/{id:int}/{when:datetime?}", "/typed/5"),
        "id=5 when=null"
    );
    assert_eq!(
        found("typed/{id:int}/{when:datetime?}", "/typed/5/2026-01-01"),
        "id=5 when=2026-01-01"
    );
    assert_eq!(
        found("typed/{id:int}/{when:datetime?}", "/typed/5/soon"),
        "no"
    );
}

#[test]
fn a_template_with_a_mistake_names_it() {
    for (template, error) in [
        ("/orders", TemplateError::Start),
        ("a//b", TemplateError::EmptySegment),
        ("a/{b", TemplateError::Braces),
        ("a/b}", TemplateError::Braces),
        ("{a}/{A}", TemplateError::Name("A".into())),
        ("{*a}/b", TemplateError::CatchAll),
        ("{a}{b}", TemplateError::Adjacent),
        ("x-{a?}", TemplateError::Optional),
        ("{a:order}", TemplateError::Constraint("order".into())),
    ] {
        assert_eq!(Template::parse(template).unwrap_err(), error, "{template}");
    }
}

proptest::proptest! {
    #[test]
    fn no_template_and_no_path_makes_the_matcher_panic(
        template in "([a-zé/.{}?*:=-]|\\{a\\?\\}|\\{b\\}){0,20}",
        path in "[a-zé/.%-]{0,20}",
    ) {
        if let Ok(template) = Template::parse(&template) {
            let _ = template.matches(&path);
        }
    }

    #[test]
    fn a_literal_template_matches_itself(path in "[a-z]{1,8}(/[a-z]{1,8}){0,3}") {
        let template = Template::parse(&path).expect("letters and slashes");

        proptest::prop_assert_eq!(template.matches(&format!("/{path}")), Some(Vec::new()));
    }
}
