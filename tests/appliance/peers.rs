//! The crate `scim_v2`, an implementation that shares no line with this one, as a witness: what each of the two reads,
//! writes and refuses.

mod filters;
pub mod messages;
