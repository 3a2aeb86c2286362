//! GUIDs as tokens write them, and the tenant id, which is one.

use std::fmt;

/// The id of an Entra tenant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Guid);

/// The text is not a GUID in the form `00000000-0000-0000-0000-000000000000`, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lower-case GUID")]
pub struct NotAGuid;

/// A GUID in lower case with hyphens.
///
/// Kept as text: it is compared with text and put into addresses, and never computed with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Guid([u8; 36]);

impl TenantId {
    /// The tenant of personal Microsoft accounts, which `any` does not include.
    pub(crate) const CONSUMERS: Self = Self(Guid(*b"9188040d-6c67-4c5b-b112-36a304b66dad"));

    /// Reads a tenant id in the form in which tokens carry it.
    ///
    /// # Errors
    ///
    /// [`NotAGuid`], also for upper case and for names such as `common`.
    pub fn parse(text: &str) -> Result<Self, NotAGuid> {
        Guid::parse(text).map(Self)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Guid {
    pub(crate) fn parse(text: &str) -> Result<Self, NotAGuid> {
        let bytes: [u8; 36] = text.as_bytes().try_into().map_err(|_| NotAGuid)?;
        let well_formed = bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        if well_formed {
            Ok(Self(bytes))
        } else {
            Err(NotAGuid)
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a GUID is made of ASCII")
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_lower_case_guid_and_nothing_else() {
        let id = "11111111-2222-3333-4444-55555555abcd";
        assert_eq!(
            TenantId::parse(id).map(|tenant| tenant.to_string()),
            Ok(id.to_owned())
        );

        for other in [
            "",
            "common",
            "contoso.example",
            "11111111-2222-3333-4444-55555555ABCD",
            "11111111-2222-3333-4444-55555555abc",
            "11111111-2222-3333-4444-55555555abcde",
            "11111111x2222-3333-4444-55555555abcd",
            "1111111122223333444455555555abcd----",
            "{1111111-2222-3333-4444-55555555abcd",
            "11111111-2222-3333-4444-55555555abc\u{0}",
        ] {
            assert_eq!(TenantId::parse(other), Err(NotAGuid), "{other}");
        }
    }
}
