using System.Globalization;
using Xenlet.Net;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>Reads rules: docs/backends.md has the grammar.</summary>
internal sealed class RuleReader(string text)
{
    private readonly RuleScanner _scanner = new(text);

    /// <summary>Reads all rules.</summary>
    /// <exception cref="FilterSyntaxException">The text is wrong somewhere.</exception>
    public FilterRules ReadAll()
    {
        List<FilterRule> rules = [];
        FilterVerdict? otherwise = null;
        while (_scanner.NextRule())
        {
            if (_scanner.Word == "default")
            {
                if (otherwise is not null)
                {
                    throw _scanner.Wrong("there is one 'default' already");
                }

                _scanner.Advance();
                otherwise = ReadVerdict("accept, drop or reject");
            }
            else if (rules.Count == FilterRules.MaximumRules)
            {
                throw _scanner.Wrong(string.Create(CultureInfo.InvariantCulture, $"there are more than {FilterRules.MaximumRules} rules"));
            }
            else
            {
                rules.Add(ReadRule());
            }

            if (_scanner.Word.Length > 0)
            {
                throw _scanner.Expected("the end of the rule");
            }
        }

        return new(otherwise ?? FilterVerdict.Drop, [.. rules]);
    }

    private FilterRule ReadRule()
    {
        FilterVerdict verdict = ReadVerdict("accept, drop, reject or default");
        bool? isIPv4 = _scanner.Word switch { "ipv4" => true, "ipv6" => false, _ => null };
        if (isIPv4 is not null)
        {
            _scanner.Advance();
        }

        string expected = isIPv4 is null ? "ipv4, ipv6, a protocol, from, to" : "a protocol, from, to";
        byte? protocol = ReadProtocol();
        byte? type = null;
        if (protocol is not null)
        {
            expected = "from, to";
            if (protocol is ProtocolNumber.Icmp or ProtocolNumber.IcmpV6)
            {
                expected = "type, from, to";
                type = _scanner.TakeWord("type") ? (byte)_scanner.ReadNumber("the number of a type", byte.MaxValue) : null;
            }
        }

        bool hasPorts = protocol is ProtocolNumber.Tcp or ProtocolNumber.Udp;
        RuleEnd from = _scanner.TakeWord("from") ? ReadEnd(hasPorts, isIPv4) : RuleEnd.Any;
        RuleEnd to = _scanner.TakeWord("to") ? ReadEnd(hasPorts, isIPv4) : RuleEnd.Any;
        return _scanner.Word.Length > 0 && from == RuleEnd.Any && to == RuleEnd.Any
            ? throw _scanner.Expected(expected + " or the end of the rule")
            : new(verdict, isIPv4, protocol, type, from, to);
    }

    private FilterVerdict ReadVerdict(string expected)
    {
        foreach ((string word, FilterVerdict verdict) in RuleWords.Verdicts)
        {
            if (_scanner.TakeWord(word))
            {
                return verdict;
            }
        }

        throw _scanner.Expected(expected);
    }

    private byte? ReadProtocol()
    {
        foreach ((string word, byte number) in RuleWords.Protocols)
        {
            if (_scanner.TakeWord(word))
            {
                return number;
            }
        }

        return _scanner.TakeWord("protocol") ? (byte)_scanner.ReadNumber("the number of a protocol", byte.MaxValue) : null;
    }

    private RuleEnd ReadEnd(bool hasPorts, bool? isIPv4)
    {
        RulePlace place = ReadPlace();
        List<NetworkPrefix> addresses = [];
        string word = _scanner.Word;
        if (word.Length > 0 && (char.IsAsciiHexDigit(word[0]) || word[0] == ':') && word.AsSpan().IndexOfAny('.', ':') >= 0)
        {
            _scanner.ReadList(part => addresses.Add(ReadPrefix(part, isIPv4)));
        }

        List<PortRange> ports = [];
        if (_scanner.Word == "port")
        {
            if (!hasPorts)
            {
                throw _scanner.Wrong("ports need the protocol tcp or udp");
            }

            _scanner.Advance();
            _scanner.ReadList(part => ports.Add(ReadPorts(part)));
        }

        return place.Kind == PlaceKind.Any && addresses.Count == 0 && ports.Count == 0
            ? throw _scanner.Expected("guests, outside, domain, mac, bridge, an address" + (hasPorts ? " or port" : ""))
            : new(place, addresses, ports);
    }

    private RulePlace ReadPlace()
    {
        string kind = _scanner.Word;
        if (kind is not ("guests" or "outside" or "domain" or "mac" or "bridge"))
        {
            return default;
        }

        _scanner.Advance();
        switch (kind)
        {
            case "guests":
                return new(PlaceKind.Guests);
            case "outside":
                return new(PlaceKind.Outside);
            case "domain":
                return new(PlaceKind.Domain, Domain: _scanner.ReadNumber("the number of a domain", ushort.MaxValue));
            case "mac":
                RulePlace place = MacAddress.TryParse(_scanner.Word, out MacAddress address) ? new(PlaceKind.Mac, Address: address)
                    : throw _scanner.Expected("a hardware address like 00:16:3e:00:00:01");
                _scanner.Advance();
                return place;
            default:
                RulePlace named = _scanner.Word.Length > 0 && _scanner.Word.All(char.IsAscii) ? new(PlaceKind.Bridge, Bridge: _scanner.Word)
                    : throw _scanner.Expected("what a vif line has for bridge");
                _scanner.Advance();
                return named;
        }
    }

    private NetworkPrefix ReadPrefix(string part, bool? isIPv4)
    {
        int slash = part.IndexOf('/', StringComparison.Ordinal);
        if (!InternetAddress.TryParse(slash < 0 ? part : part[..slash], out InternetAddress address)
            || (part.Contains(':', StringComparison.Ordinal) && address.IsIPv4))
        {
            throw _scanner.Expected("an address of IPv4 or IPv6, or a prefix like 10.0.0.0/8");
        }

        if (isIPv4 is { } family && family != address.IsIPv4)
        {
            throw _scanner.Expected(family ? "an address of IPv4" : "an address of IPv6");
        }

        int most = address.Size * 8;
        int length = most;
        if (slash >= 0)
        {
            length = _scanner.NumberWithin(slash + 1, string.Create(CultureInfo.InvariantCulture, $"a prefix length of 0 to {most}"), most);
        }

        NetworkPrefix prefix = new(address, length);
        return prefix.Address == address ? prefix
            : throw _scanner.Wrong($"'{RuleScanner.Shown(part)}' has bits behind its prefix: {prefix} is what it would stand for");
    }

    private PortRange ReadPorts(string part)
    {
        const string Expectation = "a port, or ports like 8000-8080";
        string[] ends = part.Split('-');
        if (ends.Length > 2 || !TryPort(ends[0], out ushort first) || !TryPort(ends[^1], out ushort last))
        {
            throw _scanner.Expected(Expectation);
        }

        return first <= last ? new(first, last) : throw _scanner.Wrong($"the ports '{RuleScanner.Shown(part)}' end before they begin");
    }

    private static bool TryPort(string digits, out ushort port) =>
        ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out port);
}
