namespace Xenlet.Net.Configuration;

/// <summary>Who has told a setting: a DHCP server or a router on an interface.</summary>
internal readonly record struct ConfigurationSource(IpInterface Interface, AddressOrigin Origin, InternetAddress Teller);
