using Xenlet.Net;

namespace Xenlet.Sockets.Files;

/// <summary>What the guest's owner says of names.</summary>
/// <param name="Servers">Servers of DNS.</param>
/// <param name="Domains">Domains to search.</param>
/// <param name="Limit">How long the guest's first servers of DNS are waited for.</param>
internal sealed record ResolverSettings(IReadOnlyList<InternetAddress> Servers, IReadOnlyList<string> Domains, TimeSpan Limit);
