use super::super::catalog::Catalog;
use super::super::json::Json;
use super::*;
