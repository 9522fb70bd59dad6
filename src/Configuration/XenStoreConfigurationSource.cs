using Microsoft.Extensions.Configuration;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration;

/// <summary>What lies below a path of xenstore, as configuration.</summary>
public sealed record XenStoreConfigurationSource : IConfigurationSource
{
    /// <summary>Creates a source.</summary>
    /// <param name="path">The path. A relative one is below the domain's own directory.</param>
    /// <exception cref="ArgumentException">No node can have the path.</exception>
    public XenStoreConfigurationSource(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (XenStorePath.FindBrokenRule(path) is { } rule)
        {
            throw new ArgumentException($"'{ForeignText.Escape(path)}' is no path of xenstore: {rule}", nameof(path));
        }

        Path = path;
    }

    /// <summary>The path.</summary>
    public string Path { get; }

    /// <summary>
    /// The client to read with, which the caller keeps; <see langword="null"/> for the domain's own, which the services of a guest lend
    /// (<see cref="DomainStore"/>).
    /// </summary>
    public XenStoreClient? Store { get; init; }

    /// <summary>Whether the path, or a xenstore at all, may be missing.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Whether changes are followed.</summary>
    public bool ReloadsOnChange { get; init; } = true;

    /// <summary>How long to wait after a change for those that come with it, before all is read again.</summary>
    public TimeSpan ReloadDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long the first load may take, until xenstore is connected and everything is read.</summary>
    public TimeSpan LoadTimeLimit { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The most nodes below the path, sections included. xenstored lets a transaction of a guest see 1,024 by default.</summary>
    public int MaximumNodes { get; init; } = 512;

    /// <summary>The most bytes that all values may have together.</summary>
    public int MaximumBytes { get; init; } = 256 * 1024;

    /// <summary>The most sections within each other.</summary>
    public int MaximumDepth { get; init; } = 16;

    /// <summary>
    /// Receives why a change is not taken, a line each, without control characters; <see langword="null"/> for the standard error stream.
    /// </summary>
    public Action<string>? Report { get; init; }

    /// <inheritdoc/>
    public IConfigurationProvider Build(IConfigurationBuilder builder) => new XenStoreConfigurationProvider(this);
}
