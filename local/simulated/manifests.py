"""The manifest of an export, in its recorded form, and the three ways an operation may lead to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from local.simulated.data_sets import DataSet
from local.simulated.rows import PARTNER


@dataclass
class ManifestOptions:
    """Switches for manifests."""

    manifest_in: Literal["inline", "navigation_link", "string"] = "inline"
    blob_count_off_by: int = 0  # blobCount says so many more than there are


def manifest(
    data_set: DataSet, files_url: str, sas: str, options: ManifestOptions
) -> dict[str, Any]:
    """Make the manifest, its keys in the recorded order."""
    created = data_set.built + timedelta(hours=2, minutes=24, milliseconds=481)
    files = data_set.files
    return {
        "id": data_set.id,
        "createdDateTime": f"{created:%Y-%m-%dT%H:%M:%S}.{created.microsecond // 1000:03d}Z",
        "schemaVersion": "2",
        "dataFormat": "compressedJSON",
        "partitionType": "default",
        "eTag": data_set.etag,
        "partnerTenantId": PARTNER,
        "rootDirectory": f"{files_url}{data_set.folder}",
        "sasToken": sas,
        "blobCount": len(files) + options.blob_count_off_by,
        "blobs": [{"name": file.name, "partitionValue": "default"} for file in files],
    }


def resource_location(inline: dict[str, Any], url: str, options: ManifestOptions) -> dict[str, Any]:
    """Make what an operation says of where its manifest is: here, or at this URL."""
    match options.manifest_in:
        case "inline":
            return {"resourceLocation": inline}
        case "navigation_link":
            return {"resourceLocation@odata.navigationLink": url}
        case "string":
            return {"resourceLocation": url}
