//! What is known of channels, regions and inference profiles without being told, with its source.
//!
//! Only what vendors state for every customer is here. What depends on a contract, such as a data
//! processing agreement, or is not in the address, such as the region of an Azure resource, is for
//! the configuration to say.

/// The zones that a region can lie in, for hints; `global` is none of them.
pub(crate) const ZONES: [&str; 11] =
    ["eu", "uk", "ch", "no", "us", "ca", "latam", "apac", "me", "africa", "cn"];

/// The zone of what may run anywhere.
pub(crate) const GLOBAL: &str = "global";

/// Regions of one zone at one cloud.
pub(crate) struct RegionsOf {
    pub(crate) zone: &'static str,
    pub(crate) regions: &'static [&'static str],
    pub(crate) source: &'static str,
}

const AWS: &str =
    "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html";
const AZURE: &str = "https://learn.microsoft.com/azure/reliability/regions-list";
const GOOGLE: &str = "https://cloud.google.com/compute/docs/regions-zones";

/// Every region whose zone is known. The names of the three clouds do not collide.
pub(crate) const REGIONS: &[RegionsOf] = &[
    RegionsOf {
        zone: "eu",
        regions: &[
            "eu-central-1",
            "eu-west-1",
            "eu-west-3",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
        ],
        source: AWS,
    },
    RegionsOf { zone: "uk", regions: &["eu-west-2"], source: AWS },
    RegionsOf { zone: "ch", regions: &["eu-central-2"], source: AWS },
    RegionsOf {
        zone: "us",
        regions: &[
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
            "us-gov-east-1",
            "us-gov-west-1",
        ],
        source: AWS,
    },
    RegionsOf { zone: "ca", regions: &["ca-central-1", "ca-west-1"], source: AWS },
    RegionsOf { zone: "latam", regions: &["sa-east-1", "mx-central-1"], source: AWS },
    RegionsOf {
        zone: "apac",
        regions: &[
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
        ],
        source: AWS,
    },
    RegionsOf { zone: "me", regions: &["me-central-1", "me-south-1", "il-central-1"], source: AWS },
    RegionsOf { zone: "africa", regions: &["af-south-1"], source: AWS },
    RegionsOf { zone: "cn", regions: &["cn-north-1", "cn-northwest-1"], source: AWS },
    RegionsOf {
        zone: "eu",
        regions: &[
            "francecentral",
            "germanywestcentral",
            "italynorth",
            "northeurope",
            "polandcentral",
            "spaincentral",
            "swedencentral",
            "westeurope",
        ],
        source: AZURE,
    },
    RegionsOf { zone: "uk", regions: &["uksouth", "ukwest"], source: AZURE },
    RegionsOf { zone: "ch", regions: &["switzerlandnorth", "switzerlandwest"], source: AZURE },
    RegionsOf { zone: "no", regions: &["norwayeast", "norwaywest"], source: AZURE },
    RegionsOf {
        zone: "us",
        regions: &[
            "centralus",
            "eastus",
            "eastus2",
            "northcentralus",
            "southcentralus",
            "westcentralus",
            "westus",
            "westus2",
            "westus3",
        ],
        source: AZURE,
    },
    RegionsOf { zone: "ca", regions: &["canadacentral", "canadaeast"], source: AZURE },
    RegionsOf { zone: "latam", regions: &["brazilsouth", "mexicocentral"], source: AZURE },
    RegionsOf {
        zone: "apac",
        regions: &[
            "australiaeast",
            "centralindia",
            "eastasia",
            "japaneast",
            "japanwest",
            "koreacentral",
            "southeastasia",
            "southindia",
        ],
        source: AZURE,
    },
    RegionsOf { zone: "me", regions: &["israelcentral", "uaenorth"], source: AZURE },
    RegionsOf { zone: "africa", regions: &["southafricanorth"], source: AZURE },
    RegionsOf {
        zone: "eu",
        regions: &[
            "europe-central2",
            "europe-north1",
            "europe-southwest1",
            "europe-west1",
            "europe-west3",
            "europe-west4",
            "europe-west8",
            "europe-west9",
            "europe-west12",
        ],
        source: GOOGLE,
    },
    RegionsOf { zone: "uk", regions: &["europe-west2"], source: GOOGLE },
    RegionsOf { zone: "ch", regions: &["europe-west6"], source: GOOGLE },
    RegionsOf {
        zone: "us",
        regions: &[
            "us-central1",
            "us-east1",
            "us-east4",
            "us-east5",
            "us-south1",
            "us-west1",
            "us-west2",
            "us-west3",
            "us-west4",
        ],
        source: GOOGLE,
    },
    RegionsOf {
        zone: "ca",
        regions: &["northamerica-northeast1", "northamerica-northeast2"],
        source: GOOGLE,
    },
    RegionsOf {
        zone: "apac",
        regions: &[
            "asia-east1",
            "asia-northeast1",
            "asia-northeast3",
            "asia-south1",
            "asia-southeast1",
            "australia-southeast1",
        ],
        source: GOOGLE,
    },
];

/// Where Bedrock's inference profiles may run, by the first part of a model's id there.
pub(crate) const PROFILES: [(&str, &str); 7] = [
    ("us", "us"),
    ("us-gov", "us"),
    ("eu", "eu"),
    ("apac", "apac"),
    ("jp", "apac"),
    ("au", "apac"),
    ("global", GLOBAL),
];
pub(crate) const PROFILES_SOURCE: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html";

/// The first parts of ids of Bedrock's models that run in the region that is asked. An id that
/// begins otherwise may be a profile that nobody here has heard of.
pub(crate) const VENDORS: [&str; 17] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
];

/// What a vendor states for every customer.
pub(crate) struct Usual {
    pub(crate) seller: &'static str,
    pub(crate) host: &'static str,
    pub(crate) retention_days: u32,
    pub(crate) source: &'static str,
}

pub(crate) const OPENAI: Usual = Usual {
    seller: "openai",
    host: "openai",
    retention_days: 30,
    source: "https://platform.openai.com/docs/guides/your-data",
};
pub(crate) const ANTHROPIC: Usual = Usual {
    seller: "anthropic",
    host: "anthropic",
    retention_days: 30,
    source: "https://privacy.claude.com/en/collections/10663361-commercial-customers",
};
pub(crate) const AZURE_OPENAI: Usual = Usual {
    seller: "microsoft",
    host: "azure",
    retention_days: 30,
    source: "https://learn.microsoft.com/azure/ai-foundry/responsible-ai/openai/data-privacy",
};
pub(crate) const BEDROCK: Usual = Usual {
    seller: "aws",
    host: "aws",
    retention_days: 0,
    source: "https://docs.aws.amazon.com/bedrock/latest/userguide/data-protection.html",
};

/// The zone of a region, and who says so.
pub(crate) fn zone_of(region: &str) -> Option<(&'static str, &'static str)> {
    let known = REGIONS.iter().find(|known| known.regions.contains(&region))?;
    Some((known.zone, known.source))
}
