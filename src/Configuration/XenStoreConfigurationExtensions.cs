using Microsoft.Extensions.Configuration;

namespace Xenlet.Configuration;

/// <summary>Adds configuration from xenstore to a builder.</summary>
public static class XenStoreConfigurationExtensions
{
    /// <summary>
    /// Adds what lies below a path of xenstore, and follows it: <c>data/config/Logging/LogLevel/Default</c> is
    /// <c>Logging:LogLevel:Default</c>.
    /// </summary>
    /// <param name="builder">The builder.</param>
    /// <param name="path">The path. A relative one is below the domain's own directory.</param>
    /// <param name="optional">Whether the path, or a xenstore at all, may be missing.</param>
    /// <param name="reloadOnChange">Whether changes are followed.</param>
    /// <returns>The builder.</returns>
    /// <exception cref="ArgumentException">No node can have the path.</exception>
    public static IConfigurationBuilder AddXenStore(
        this IConfigurationBuilder builder, string path, bool optional = false, bool reloadOnChange = true) =>
        builder.AddXenStore(new XenStoreConfigurationSource(path) { IsOptional = optional, ReloadsOnChange = reloadOnChange });

    /// <summary>Adds a source.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="source">The source.</param>
    /// <returns>The builder.</returns>
    public static IConfigurationBuilder AddXenStore(this IConfigurationBuilder builder, XenStoreConfigurationSource source)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(source);
        return builder.Add(source);
    }
}
