//! What a new installation needs before anybody can administer it.

use anyhow::{Result, anyhow};

use crate::config::Config;
use crate::directory::admins::{admin_name, create_admin, is_claim_due, offer_claim};
use crate::directory::{Store, StoreError, Weight};
use crate::secret::password;
use crate::secret::second_factor::{claim_code, recovery_digest};

/// Makes the first administrator of an installation that nobody attends; later starts find one and do nothing.
pub async fn bootstrap(config: &Config, store: &Store) -> Result<()> {
    let Some(bootstrap) = &config.bootstrap else { return Ok(()) };
    if !store.read(|reader| reader.admins()).await?.is_empty() {
        return Ok(());
    }
    let name = admin_name(&bootstrap.admin_name)
        .map_err(|why| bootstrap.place.complain(format!("bootstrap.admin_name: {why}")))?;
    let password = bootstrap.password()?;
    if let Some(weak) = password::weakness(&password, &name) {
        let file = bootstrap.admin_password_file.display();
        return Err(bootstrap
            .place
            .complain(format!("the password in {file} cannot be used: {}", weak.sentence()))
            .into());
    }
    let (hash, asked) = (password::hash(&password)?, name.clone());
    let write = store.write(Weight::Light, move |writer| create_admin(writer, &asked, &hash, "bootstrap"));
    write.await.map_err(|refusal| anyhow!("the first administrator cannot be made: {refusal:?}"))?;
    tracing::info!(name, "the first administrator was made");
    Ok(())
}

/// Makes a new claim code, and every older one void; none when there is an administrator.
///
/// On a full disk there is none, and the server starts all the same: reads go on, and who administers can look.
pub async fn offer(store: &Store) -> Result<Option<String>> {
    if !store.read(is_claim_due).await? {
        return Ok(None);
    }
    let code = claim_code()?;
    let digest = recovery_digest(&code);
    let offered = store.write(Weight::Light, move |writer| offer_claim(writer, &digest));
    match offered.await {
        Err(StoreError::Full) => {
            tracing::warn!(
                "there is no code to set the server up with: the disk, or the room for the database, is full"
            );
            Ok(None)
        }
        offered => Ok(offered?.then_some(code)),
    }
}
