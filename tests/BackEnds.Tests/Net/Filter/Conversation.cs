using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Net;
using Xenlet.Net.Base;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>
/// A filter between two front ends, A and B, and outside, and packets through it that are written as text. A step is
/// <c>from&gt;to packet verdict</c>, where the verdict is one of <c>ok</c>, <c>drop</c> and <c>reject</c>; <c>wait 10</c> lets seconds
/// pass. All packets are of IPv4, or all of IPv6.
/// </summary>
/// <remarks>
/// Packets are <c>S 100 =0</c> (TCP flags, sequence, and what is acknowledged; then <c>+10</c> bytes of data, <c>w500</c> for a window,
/// <c>s7</c> for its scale), <c>udp</c>, <c>ping 5</c> and <c>pong 5</c> with an identifier, and <c>proto 50</c>. A port behind a colon is
/// that of A or B.
/// </remarks>
internal sealed partial class Conversation
{
    private static readonly string[] Places = ["A", "B", "out"];

    private readonly FilterPort[] _ports;
    private readonly bool _isIPv6;

    public Conversation(string rules, bool isIPv6 = false, FilterOptions? options = null)
    {
        _isIPv6 = isIPv6;
        Filter = new(FilterRules.Parse(rules), options);
        _ports = [Connect("A", 1), Connect("B", 2), Filter.Outside];
    }

    public PacketFilter Filter { get; }

    public long Now { get; set; } = StackTime.Second;

    /// <summary>The port of A, B or outside.</summary>
    public FilterPort this[string place] => _ports[Array.IndexOf(Places, place)];

    /// <summary>Addresses of A, B and outside.</summary>
    public string Address(string place) => (_isIPv6 ? "fd00::" : "10.0.0.") + place switch { "A" => '2', "B" => '3', _ => '1' };

    /// <summary>One of them with a port, as <see cref="Packets.Endpoint"/> reads it.</summary>
    public string End(string place, string port) => _isIPv6 ? $"[{Address(place)}]:{port}" : $"{Address(place)}:{port}";

    /// <summary>Sends a frame.</summary>
    public FilterVerdict Judge(string from, string to, byte[] frame)
    {
        Assert.True(EthernetHeader.TryRead(frame, out EthernetHeader header));
        return Filter.Judge(this[from], this[to], header, frame, Now);
    }

    /// <summary>Goes through steps, each in a line or behind a semicolon.</summary>
    public void Play(string steps)
    {
        int number = 0;
        foreach (string step in steps.Split(['\n', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            number++;
            if (Waits().Match(step) is { Success: true } wait)
            {
                Now += (long)(double.Parse(wait.Groups[1].ValueSpan, CultureInfo.InvariantCulture) * StackTime.Second);
                continue;
            }

            Match match = Sends().Match(step);
            Assert.True(match.Success, $"step {number} is not understood: {step}");
            byte[] frame = Make(match);
            FilterVerdict verdict = Judge(match.Groups["from"].Value, match.Groups["to"].Value, frame);
            string said = verdict switch { FilterVerdict.Accept => "ok", FilterVerdict.Drop => "drop", _ => "reject" };
            Assert.True(match.Groups["verdict"].Value == said, $"step {number}, '{step}': {said}");
        }
    }

    /// <summary>A front end that comes, perhaps again.</summary>
    public FilterPort Connect(string place, ushort domain) =>
        Filter.Connect(domain, place == "A" ? Packets.First : Packets.Second, "lan", Now);

    private byte[] Make(Match match)
    {
        (string from, string to) = (match.Groups["from"].Value, match.Groups["to"].Value);
        (string source, string destination) = (Address(from), Address(to));
        string ends(string place, string port) => End(place, port.Length > 0 ? port : place == "out" ? "80" : "1000");
        (string sender, string receiver) = (ends(from, match.Groups["fromPort"].Value), ends(to, match.Groups["toPort"].Value));
        string[] words = match.Groups["packet"].Value.Split(' ');
        return words switch
        {
            ["udp"] => Packets.Udp(sender, receiver),
            ["ping", string id] => Packets.Echo(source, destination, true, ushort.Parse(id, CultureInfo.InvariantCulture)),
            ["pong", string id] => Packets.Echo(source, destination, false, ushort.Parse(id, CultureInfo.InvariantCulture)),
            ["proto", string number] => Packets.Ip(source, destination, byte.Parse(number, CultureInfo.InvariantCulture), [1]),
            [string flags, string sequence, .. string[] more] => Packets.Tcp(
                sender, receiver, flags, uint.Parse(sequence, CultureInfo.InvariantCulture),
                Number(more, '=', 0), (int)Number(more, '+', 0), (int)Number(more, 'w', 1000), (int)Number(more, 's', uint.MaxValue)),
            _ => throw new FormatException(match.Value),
        };
    }

    private static uint Number(string[] words, char kind, uint otherwise) =>
        words.FirstOrDefault(word => word[0] == kind) is { } word ? uint.Parse(word.AsSpan(1), CultureInfo.InvariantCulture) : otherwise;

    [GeneratedRegex(@"^wait (\S+)$")]
    private static partial Regex Waits();

    [GeneratedRegex(@"^(?<from>A|B|out)(:(?<fromPort>\d+))?>(?<to>A|B|out)(:(?<toPort>\d+))? (?<packet>.+) (?<verdict>ok|drop|reject)$")]
    private static partial Regex Sends();
}
