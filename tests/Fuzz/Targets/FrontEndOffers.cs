using System.Globalization;
using System.Numerics;
using System.Text;
using Xenlet.BackEnds;
using Xenlet.BackEnds.Net;
using Xenlet.BackEnds.Tests;
using Xenlet.Drivers;
using Xenlet.Drivers.Tests;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The nodes that a front end writes for its back end, with any text: what makes sense is accepted as it stands there, all else is an error
/// that an administrator can read, and no page stays mapped that was offered together with one that cannot be.
/// </summary>
internal static class FrontEndOffers
{
    private const ushort Self = 1;
    private const int MaximumOrder = 3;

    private static readonly string[] Names =
    [
        .. FrontEndOffer.RingNodes(MaximumOrder), "event-channel", "protocol", .. FrontEndFeatures.Nodes,
    ];

    /// <summary>Numbers near the limits, the protocol, and what is nearly a number.</summary>
    public static byte[][] Tokens { get; } =
    [
        Text("4294967295"), Text("4294967296"), Text("18446744073709551616"), Text("x86_64-abi"), Text("-1"), Text("0x8"), Text(" 8"),
        [0xD9, 0xA3], [0x1B], [0], [0xE2, 0x80, 0xAE], [9], [10], [11], [12],
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        TestMachine front = new();
        BackEndMachine machine = new(front, Self);
        uint[] granted = [.. Enumerable.Range(0, 6).Select(i => front.Allocate().Grant(i == 5 ? (ushort)2 : Self).Reference)];
        Dictionary<string, string?> nodes = Names.ToDictionary(name => name, _ => Value(script, granted));
        FrontEndOffer offer = new(nodes);
        if (nodes["protocol"] is not (null or "x86_64-abi"))
        {
            Refused(() => offer.RequireNativeProtocol());
        }
        else
        {
            offer.RequireNativeProtocol();
        }

        Check(nodes["event-channel"], 1, uint.MaxValue, null, () => offer.GetPort());
        foreach (string feature in FrontEndFeatures.Nodes)
        {
            string? flag = nodes[feature] is { } text && IsNumber(text, 0, uint.MaxValue)
                ? BigInteger.Parse(text, CultureInfo.InvariantCulture).IsZero ? "0" : "1"
                : nodes[feature];
            Check(flag, 0, uint.MaxValue, 0, () => offer.GetFlag(feature) ? 1 : 0);
        }

        CheckRing(offer, nodes, machine, granted);
        CheckFeatures(offer, nodes);
    }

    private static void CheckRing(FrontEndOffer offer, Dictionary<string, string?> nodes, BackEndMachine machine, uint[] granted)
    {
        string?[]? offered = nodes["ring-page-order"] is not { } order ? [nodes["ring-ref"]]
            : IsNumber(order, 0, MaximumOrder)
                ? [.. Enumerable.Range(0, 1 << int.Parse(order, CultureInfo.InvariantCulture)).Select(i => nodes[$"ring-ref{i}"])]
            : null;
        if (offered is null || offered.Any(text => text is null || !IsNumber(text, 0, uint.MaxValue))
            || offered.Select(text => uint.Parse(text!, CultureInfo.InvariantCulture)).Distinct().Count() != offered.Length)
        {
            Refused(() => offer.GetRing(MaximumOrder));
            return;
        }

        uint[] references = offer.GetRing(MaximumOrder);
        Assert.Equal(offered.Select(text => uint.Parse(text!, CultureInfo.InvariantCulture)), references);
        using FrontEndPages pages = new(machine, domain: 0, maximum: 4);
        if (references.Length <= 4 && references.All(granted[..5].Contains))
        {
            Assert.Equal(references.Length, pages.MapAsync(references, CancellationToken.None).AsTask().GetAwaiter().GetResult().Length);
        }
        else
        {
            Refused(() => pages.MapAsync(references, CancellationToken.None).AsTask().GetAwaiter().GetResult());
            Assert.Equal((0, 0), (machine.Mapped, pages.Count));
        }
    }

    private static void CheckFeatures(FrontEndOffer offer, Dictionary<string, string?> nodes)
    {
        if (nodes["request-rx-copy"] is null
            || FrontEndFeatures.Nodes.Any(name => nodes[name] is { } text && !IsNumber(text, 0, uint.MaxValue))
            || !offer.GetFlag("request-rx-copy"))
        {
            Refused(() => FrontEndFeatures.Read(offer));
            return;
        }

        FrontEndFeatures features = FrontEndFeatures.Read(offer);
        Assert.Equal(offer.GetFlag("feature-sg"), features.TakesChains);
        Assert.Equal(offer.GetFlag("request-multicast-control"), features.FiltersMulticast);
        foreach ((NetworkOffloads segments, NetworkOffloads checksum) in (ReadOnlySpan<(NetworkOffloads, NetworkOffloads)>)[
            (NetworkOffloads.SegmentTcpV4, NetworkOffloads.ChecksumV4), (NetworkOffloads.SegmentTcpV6, NetworkOffloads.ChecksumV6)])
        {
            Assert.True(
                !features.Offloads.HasFlag(segments) || (features.TakesChains && features.Offloads.HasFlag(checksum)),
                $"{features.Offloads} and chains {features.TakesChains}");
        }
    }

    private static void Check(string? text, long least, long most, long? absent, Func<long> get)
    {
        if (text is null ? absent is null : !IsNumber(text, least, most))
        {
            Refused(() => get());
        }
        else
        {
            Assert.Equal(text is null ? absent!.Value : long.Parse(text, CultureInfo.InvariantCulture), get());
        }
    }

    /// <summary>An error that fits into a node and does nothing to a terminal.</summary>
    private static void Refused(Action get)
    {
        string message = Assert.Throws<InvalidDataException>(get).Message;
        Assert.InRange(message.Length, 1, 600);
        Assert.DoesNotContain(message, char.IsControl);
        Assert.DoesNotContain(message, one => char.GetUnicodeCategory(one) == UnicodeCategory.Format);
    }

    private static bool IsNumber(string text, long least, long most) =>
        text.Length > 0 && text.All(char.IsAsciiDigit)
        && BigInteger.Parse(text, CultureInfo.InvariantCulture) is var number && number >= least && number <= most;

    /// <summary>Nothing, a small number, a grant, or any text.</summary>
    private static string? Value(Script script, uint[] granted) => script.Byte() switch
    {
        < 60 => null,
        < 120 and var number => $"{number % 5}",
        < 200 and var page => $"{granted[page % granted.Length]}",
        var length => Encoding.UTF8.GetString(script.Bytes(length - 199)),
    };

    private static byte[] Text(string text) => [(byte)(199 + text.Length), .. Encoding.UTF8.GetBytes(text)];
}
