//! What a signed URL allows, and from where.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::BitOr;

/// What may be done with a blob: one or more of reading, creating and writing.
///
/// ```
/// use stockade::storage::Permissions;
///
/// let upload = Permissions::CREATE | Permissions::WRITE;
/// assert!(upload.includes(Permissions::WRITE));
/// assert!(!upload.includes(Permissions::READ));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permissions(u8);

impl Permissions {
    /// Reading content, properties and metadata.
    pub const READ: Self = Self(1);
    /// Writing a blob that is not there yet.
    pub const CREATE: Self = Self(2);
    /// Writing a blob, also over one that is there.
    pub const WRITE: Self = Self(4);

    /// Whether all of `other` is in this.
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Permissions {
    /// As `sp` has it. The letters have a fixed order, and the service refuses another (Microsoft
    /// Learn, "Create a user delegation SAS", "Specify permissions").
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (permission, letter) in [(Self::READ, "r"), (Self::CREATE, "c"), (Self::WRITE, "w")] {
            if self.includes(permission) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permissions({self})")
    }
}

/// One IPv4 address, or all from a first to a last. The service knows no others here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpRange {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

/// A range whose last address comes before its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the last address of a range comes before its first")]
pub struct NotARange;

impl IpRange {
    /// All addresses from `first` to `last`, both included.
    ///
    /// # Errors
    ///
    /// [`NotARange`] when `last` comes before `first`.
    pub fn new(first: Ipv4Addr, last: Ipv4Addr) -> Result<Self, NotARange> {
        if last < first {
            return Err(NotARange);
        }
        Ok(Self { first, last })
    }

    /// Whether all of `other` is in this.
    pub fn includes(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

impl From<Ipv4Addr> for IpRange {
    fn from(address: Ipv4Addr) -> Self {
        Self {
            first: address,
            last: address,
        }
    }
}

impl fmt::Display for IpRange {
    /// As `sip` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Ipv4Addr {
        text.parse().expect("an address")
    }

    fn range(first: &str, last: &str) -> IpRange {
        IpRange::new(address(first), address(last)).expect("a range")
    }

    #[test]
    fn permissions_are_written_in_the_services_order_whatever_the_order_of_asking() {
        let (read, create, write) = (Permissions::READ, Permissions::CREATE, Permissions::WRITE);

        assert_eq!((write | create | read).to_string(), "rcw");
        assert_eq!((write | read).to_string(), "rw");
        assert_eq!((write | create).to_string(), "cw");
        assert_eq!(format!("{:?}", read | read), "Permissions(r)");
    }

    #[test]
    fn permissions_include_their_parts_and_no_others() {
        let upload = Permissions::CREATE | Permissions::WRITE;

        assert!(upload.includes(upload) && upload.includes(Permissions::CREATE));
        assert!(!upload.includes(Permissions::READ));
        assert!(!Permissions::CREATE.includes(upload));
    }

    #[test]
    fn a_range_is_written_as_the_service_reads_it() {
        assert_eq!(
            IpRange::from(address("168.1.5.65")).to_string(),
            "168.1.5.65"
        );
        assert_eq!(
            range("168.1.5.60", "168.1.5.70").to_string(),
            "168.1.5.60-168.1.5.70"
        );
        assert_eq!(range("168.1.5.60", "168.1.5.60").to_string(), "168.1.5.60");
        // Not in the order of their texts.
        assert!(IpRange::new(address("10.0.0.9"), address("10.0.0.10")).is_ok());
        assert!(IpRange::new(address("10.0.0.10"), address("10.0.0.9")).is_err());
    }

    #[test]
    fn a_range_includes_what_lies_within_both_its_ends() {
        let office = range("10.0.0.8", "10.0.0.15");

        assert!(office.includes(office));
        assert!(office.includes(address("10.0.0.8").into()));
        assert!(office.includes(address("10.0.0.15").into()));
        assert!(!office.includes(address("10.0.0.7").into()));
        assert!(!office.includes(address("10.0.0.16").into()));
        assert!(!office.includes(range("10.0.0.15", "10.0.0.16")));
        assert!(!office.includes(range("10.0.0.7", "10.0.0.8")));
    }
}
