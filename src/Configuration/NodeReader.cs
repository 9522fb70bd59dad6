using System.Globalization;
using System.Text;
using Microsoft.Extensions.Configuration;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.Configuration;

/// <summary>
/// Reads all nodes below a path, at one moment. What it finds others wrote, so nothing is taken that the limits do not allow or that
/// could be understood in two ways.
/// </summary>
internal sealed class NodeReader(XenStoreTransaction transaction, XenStoreConfigurationSource source, CancellationToken cancellationToken)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, string?> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _keys = new(StringComparer.OrdinalIgnoreCase);
    private int _bytes;

    /// <summary>Reads.</summary>
    /// <param name="store">The client to read with.</param>
    /// <param name="source">The path and the limits.</param>
    /// <param name="cancellationToken">Ends this.</param>
    /// <returns>The values by key, or <see langword="null"/> if there is no node with the path.</returns>
    /// <exception cref="InvalidDataException">Something is not taken; the message names the node.</exception>
    /// <exception cref="XenStoreException">xenstore does not answer, or does not let this domain read.</exception>
    public static ValueTask<Dictionary<string, string?>?> ReadAsync(
        XenStoreClient store, XenStoreConfigurationSource source, CancellationToken cancellationToken) =>
        store.TransactAsync(
            async (transaction, cancellationToken) =>
            {
                NodeReader reader = new(transaction, source, cancellationToken);
                return await reader.ReadRootAsync().ConfigureAwait(false);
            },
            cancellationToken);

    private async ValueTask<Dictionary<string, string?>?> ReadRootAsync()
    {
        if (await transaction.TryDirectoryAsync(source.Path, cancellationToken).ConfigureAwait(false) is not { } names)
        {
            return null;
        }

        await ReadNodesAsync(source.Path, "", names, 1).ConfigureAwait(false);
        return _values;
    }

    private async Task ReadNodesAsync(string path, string section, string[] names, int depth)
    {
        if (depth > source.MaximumDepth)
        {
            throw Refuse(path, $"more than {source.MaximumDepth} sections within each other");
        }

        // xenstored lists in no particular order; of two refusals it is to be the same one each time.
        Array.Sort(names, StringComparer.Ordinal);
        (string Path, string Key, Task<byte[]?> Value, Task<string[]?> Names)[] nodes =
            [.. names.Select(name => Start(path, section, name))];

        // All end before the transaction may.
        await Task.WhenAll(nodes.SelectMany(node => (Task[])[node.Value, node.Names])).ConfigureAwait(false);
        foreach ((string nodePath, string key, Task<byte[]?> value, Task<string[]?> below) in nodes)
        {
            // A transaction sees one moment: what was listed is there.
            byte[] bytes = await value.ConfigureAwait(false) ?? [];
            string[] children = await below.ConfigureAwait(false) ?? [];
            Add(nodePath, key, bytes, isSection: children.Length > 0);
            await ReadNodesAsync(nodePath, key, children, depth + 1).ConfigureAwait(false);
        }
    }

    private (string Path, string Key, Task<byte[]?> Value, Task<string[]?> Names) Start(string directory, string section, string name)
    {
        string path = XenStorePath.Join(directory, name);
        if (XenStorePath.FindBrokenRule(path) is { } rule)
        {
            throw Refuse(path, rule);
        }

        string key = section.Length == 0 ? name : ConfigurationPath.Combine(section, name);
        if (!_keys.Add(key))
        {
            throw Refuse(path, "the name of a node beside it differs in case alone, and configuration takes both for the same key");
        }

        if (_keys.Count > source.MaximumNodes)
        {
            throw Refuse(source.Path, $"more than {source.MaximumNodes} nodes");
        }

        return (path, key, transaction.TryReadBytesAsync(path, cancellationToken).AsTask(),
            transaction.TryDirectoryAsync(path, cancellationToken).AsTask());
    }

    private void Add(string path, string key, byte[] bytes, bool isSection)
    {
        _bytes += bytes.Length;
        if (_bytes > source.MaximumBytes)
        {
            throw Refuse(source.Path, $"values of more than {source.MaximumBytes} bytes together");
        }

        // xenstored makes the nodes on the way to one with an empty value.
        if (isSection && bytes.Length == 0)
        {
            return;
        }

        try
        {
            _values.Add(key, StrictUtf8.GetString(bytes));
        }
        catch (DecoderFallbackException)
        {
            throw Refuse(path, "its value is not UTF-8");
        }
    }

    private static InvalidDataException Refuse(string path, FormattableString why) =>
        Refuse(path, why.ToString(CultureInfo.InvariantCulture));

    private static InvalidDataException Refuse(string path, string why) => new($"{ForeignText.Escape(path)}: {why}");
}
