using System.Globalization;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.BackEnds;

/// <summary>
/// What a front end has written for its back end, read once and together, so that nothing of it changes while it is examined. Each value is
/// checked when it is asked for.
/// </summary>
public sealed class FrontEndOffer
{
    private readonly Dictionary<string, string?> _values;

    /// <summary>Takes values that were read.</summary>
    /// <param name="values">Names and values; null for a node that does not exist.</param>
    public FrontEndOffer(IReadOnlyDictionary<string, string?> values) => _values = new(values);

    /// <summary>Reads nodes of a device's front end, in one transaction.</summary>
    /// <exception cref="XenStoreException">They could not be read.</exception>
    public static ValueTask<FrontEndOffer> ReadAsync(
        XenDevice device, IReadOnlyList<string> names, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(names);
        return device.Bus.Store.TransactAsync(
            async (transaction, token) =>
            {
                Task<string?>[] reads =
                    [.. names.Select(name => transaction.TryReadAsync($"{device.OtherEndPath}/{name}", token).AsTask())];
                string?[] values = await Task.WhenAll(reads).ConfigureAwait(EventLoop.IsCurrent);
                return new FrontEndOffer(names.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second));
            },
            cancellationToken);
    }

    /// <summary>The names by which a ring may be offered: <c>ring-page-order</c>, <c>ring-ref</c>, <c>ring-ref0</c> and so on.</summary>
    /// <param name="maximumOrder">The binary logarithm of the largest number of pages.</param>
    /// <param name="name">The name of the ring of one page.</param>
    public static IReadOnlyList<string> RingNodes(int maximumOrder, string name = "ring-ref") =>
        ["ring-page-order", name, .. Enumerable.Range(0, 1 << maximumOrder).Select(i => PageNode(name, i))];

    /// <summary>The text of a node, or null if there is no such node.</summary>
    public string? GetText(string name) => _values.TryGetValue(name, out string? value) ? value
        : throw new ArgumentException($"{name} was not read", nameof(name));

    /// <summary>A number.</summary>
    /// <param name="name">The node.</param>
    /// <param name="least">The smallest number allowed.</param>
    /// <param name="most">The largest number allowed.</param>
    /// <param name="absent">What stands for a node that does not exist; null if it has to exist.</param>
    /// <exception cref="InvalidDataException">It is no such number.</exception>
    public long GetNumber(string name, long least, long most, long? absent = null)
    {
        if (GetText(name) is not { } text)
        {
            return absent ?? throw new InvalidDataException($"the front end has no {name}");
        }

        // .NET bears null characters behind a number; the tool stack's C would not see what follows them.
        return !text.AsSpan().ContainsAnyExceptInRange('0', '9')
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= least && value <= most
            ? value
            : throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"the front end's {name} is {Quote(text)}, not a number from {least} to {most}"));
    }

    /// <summary>Whether a feature is offered: a number other than 0.</summary>
    /// <exception cref="InvalidDataException">It is no number.</exception>
    public bool GetFlag(string name) => GetNumber(name, 0, uint.MaxValue, absent: 0) != 0;

    /// <summary>The front end's port of an event channel.</summary>
    /// <exception cref="InvalidDataException">It is no port. Whether it is one for this domain is known by binding to it.</exception>
    public uint GetPort(string name = "event-channel") => (uint)GetNumber(name, 1, uint.MaxValue);

    /// <summary>
    /// The grant references of a ring: those of <c>NAME0</c> and so on if there is a <c>ring-page-order</c>, else that of <c>NAME</c>.
    /// </summary>
    /// <param name="maximumOrder">The binary logarithm of the largest number of pages.</param>
    /// <param name="name">The name of the ring of one page.</param>
    /// <exception cref="InvalidDataException">A number is wrong, or the same page is there twice.</exception>
    public uint[] GetRing(int maximumOrder, string name = "ring-ref")
    {
        uint[] references = GetText("ring-page-order") is null
            ? [GetReference(name)]
            : [.. Enumerable.Range(0, 1 << (int)GetNumber("ring-page-order", 0, maximumOrder))
                .Select(page => GetReference(PageNode(name, page)))];
        return references.Distinct().Count() == references.Length
            ? references
            : throw new InvalidDataException("the front end's ring has the same page twice");
    }

    /// <summary>A grant reference, of a page that may not be granted.</summary>
    /// <exception cref="InvalidDataException">It is no number.</exception>
    public uint GetReference(string name) => (uint)GetNumber(name, 0, uint.MaxValue);

    /// <summary>
    /// Checks that the rings have the layout of 64-bit x86, as they have if the front end does not say.
    /// </summary>
    /// <exception cref="InvalidDataException">They have another one.</exception>
    public void RequireNativeProtocol()
    {
        if (GetText("protocol") is not (null or "x86_64-abi") and var other)
        {
            throw new InvalidDataException($"the front end's protocol is {Quote(other)}, not x86_64-abi");
        }
    }

    /// <summary>What an administrator may read of a text that can be anything, for as long as xenstore allows.</summary>
    private static string Quote(string text) => $"'{ForeignText.Escape(text.Length <= 40 ? text : text[..40] + "...")}'";

    private static string PageNode(string name, int page) => string.Create(CultureInfo.InvariantCulture, $"{name}{page}");
}
