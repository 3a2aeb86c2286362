//! Key Vault references, as the platform leaves them in a setting that it cannot resolve.

/// A reference in the value of a setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference<'a>(&'a str);

/// The reference that a value is, resolved by nobody.
///
/// Both forms are known: `@Microsoft.KeyVault(SecretUri=…)` and
/// `@Microsoft.KeyVault(VaultName=…;SecretName=…)` (Microsoft Learn, "Use Key Vault references as app
/// settings").
pub(super) fn in_value(value: &str) -> Option<Reference<'_>> {
    let value = value.trim();
    let start = value.get(..START.len())?;
    start
        .eq_ignore_ascii_case(START)
        .then(|| Reference(&value[START.len()..]))
}

impl Reference<'_> {
    /// Whether it is to the secret of this name, which ignores case.
    pub(super) fn is_to(self, secret: &str) -> bool {
        self.secret()
            .is_some_and(|own| own.eq_ignore_ascii_case(secret))
    }

    fn secret(&self) -> Option<&str> {
        let inside = self.0.trim_end_matches(')');
        inside.split(';').find_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            match key.trim().to_ascii_lowercase().as_str() {
                "secretname" => Some(value.trim()),
                "secreturi" => value.split("/secrets/").nth(1)?.split('/').next(),
                _ => None,
            }
        })
    }
}

const START: &str = "@Microsoft.KeyVault(";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_their_secret() {
        for form in [
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/erp-key)",
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/erp-key/)",
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/ERP-Key/0123)",
            "@Microsoft.KeyVault(VaultName=v;SecretName=erp-key)",
            " @microsoft.keyvault( VaultName = v ; SecretName = erp-key ; SecretVersion=0123 ) ",
        ] {
            let reference = in_value(form).unwrap();
            assert!(reference.is_to("erp-key"), "{form}");
            assert!(!reference.is_to("erp"), "{form}");
        }
        for form in ["@Microsoft.KeyVault(", "@Microsoft.KeyVault(SecretUri=x)"] {
            assert!(!in_value(form).unwrap().is_to("erp-key"), "{form}");
        }
    }

    #[test]
    fn other_values_are_no_references() {
        for value in [
            "",
            "@",
            "Microsoft.KeyVault(",
            "see @Microsoft.KeyVault()",
            "äöü@Microsoft.KeyV",
        ] {
            assert!(in_value(value).is_none(), "{value}");
        }
    }
}
