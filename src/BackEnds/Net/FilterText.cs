using System.Globalization;
using System.Text;
using Xenlet.Kernel;
using Xenlet.XenStoreRing;

namespace Xenlet.BackEnds.Net;

/// <summary>The text of filter rules, put together from a node and its children.</summary>
internal sealed class FilterText
{
    private readonly List<(string Node, int FirstLine)> _parts = [];

    private FilterText(string whole) => Whole = whole;

    /// <summary>All of it.</summary>
    public string Whole { get; private set; }

    /// <summary>Reads the text; null if there is none.</summary>
    public static async ValueTask<FilterText?> ReadAsync(XenStoreOperations store, string node, CancellationToken cancellationToken)
    {
        if (await store.TryReadBytesAsync(node, cancellationToken).ConfigureAwait(EventLoop.IsCurrent) is not { } own)
        {
            return null;
        }

        FilterText text = new("");
        text.Add("rules", own);
        string[] names = await store.TryDirectoryAsync(node, cancellationToken).ConfigureAwait(EventLoop.IsCurrent) ?? [];
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            byte[]? more = await store.TryReadBytesAsync($"{node}/{name}", cancellationToken).ConfigureAwait(EventLoop.IsCurrent);
            text.Add($"rules/{name}", more ?? []);
        }

        return text;
    }

    /// <summary>What is wrong, with the node that has the line.</summary>
    public string Locate(FilterSyntaxException error)
    {
        (string node, int firstLine) = _parts.Last(part => part.FirstLine <= error.Line);
        return string.Create(
            CultureInfo.InvariantCulture, $"{node}: line {error.Line - firstLine + 1}, column {error.Column}: {error.Problem}");
    }

    private void Add(string node, byte[] bytes)
    {
        _parts.Add((node, Whole.Count(one => one == '\n') + 1));

        // What is no UTF-8 becomes a replacement character, which no rule may have.
        Whole += Encoding.UTF8.GetString(bytes) + '\n';
    }
}
