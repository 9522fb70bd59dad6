using System.Globalization;
using Xenlet.BackEnds.Net.Filter;
using Xenlet.Net;

namespace Xenlet.BackEnds.Tests.Net.Filter;

/// <summary>What a text of rules says, and where it is wrong.</summary>
public sealed class FilterRulesTests
{
    [Theory]
    [InlineData("", "default drop")]
    [InlineData("# nothing\n\n  # but comments\n;;", "default drop")]
    [InlineData("default reject", "default reject")]
    [InlineData("accept", "accept\ndefault drop")]
    [InlineData("accept tcp; drop udp;reject icmp", "accept tcp\ndrop udp\nreject icmp\ndefault drop")]
    [InlineData("default accept\r\ndrop\ttcp # all of it", "drop tcp\ndefault accept")]
    [InlineData("accept tcp from guests to 10.0.0.1 port 22,8000-8080",
        "accept tcp from guests to 10.0.0.1/32 port 22,8000-8080\ndefault drop")]
    [InlineData("drop from 10.0.0.0/8,fd00::/8", "drop from 10.0.0.0/8,fd00::/8\ndefault drop")]
    [InlineData("accept ipv6 udp to port 53", "accept ipv6 udp to port 53\ndefault drop")]
    [InlineData("accept from domain 7 to outside 0.0.0.0/0", "accept from domain 7 to outside 0.0.0.0/0\ndefault drop")]
    [InlineData("accept from mac 00:16:3E:00:00:01 to bridge web", "accept from mac 00:16:3e:00:00:01 to bridge web\ndefault drop")]
    [InlineData("accept icmp type 8 from outside", "accept icmp type 8 from outside\ndefault drop")]
    [InlineData("accept icmpv6 type 128; accept protocol 50", "accept icmpv6 type 128\naccept protocol 50\ndefault drop")]
    [InlineData("accept protocol 6 to port 1-1", "accept tcp to port 1\ndefault drop")]
    public void A_text_says_this_and_so_does_what_it_reads_as(string text, string expected)
    {
        FilterRules rules = FilterRules.Parse(text);
        Assert.Equal(expected, rules.ToString());
        Assert.Equal(expected, FilterRules.Parse(rules.ToString()).ToString());
    }

    [Theory]
    [InlineData("allow", 1, 1, "expected accept, drop, reject or default, found 'allow'")]
    [InlineData("accept\n  tcp", 2, 3, "expected accept, drop, reject or default, found 'tcp'")]
    [InlineData("default", 1, 8, "expected accept, drop or reject, found the end of the rule")]
    [InlineData("default drop\ndefault drop", 2, 1, "there is one 'default' already")]
    [InlineData("default drop tcp", 1, 14, "expected the end of the rule, found 'tcp'")]
    [InlineData("accept sctp", 1, 8, "expected ipv4, ipv6, a protocol, from, to or the end of the rule, found 'sctp'")]
    [InlineData("accept ipv4 tpc", 1, 13, "expected a protocol, from, to or the end of the rule, found 'tpc'")]
    [InlineData("accept tcp port 1", 1, 12, "expected from, to or the end of the rule, found 'port'")]
    [InlineData("accept icmp echo", 1, 13, "expected type, from, to or the end of the rule, found 'echo'")]
    [InlineData("accept icmp type 256", 1, 18, "expected the number of a type, found '256'")]
    [InlineData("accept protocol tcp", 1, 17, "expected the number of a protocol, found 'tcp'")]
    [InlineData("accept from", 1, 12, "expected guests, outside, domain, mac, bridge, an address, found the end of the rule")]
    [InlineData("accept tcp to # 1", 1, 15, "expected guests, outside, domain, mac, bridge, an address or port, found the end of the rule")]
    [InlineData("accept to guests from outside", 1, 18, "expected the end of the rule, found 'from'")]
    [InlineData("accept from 10.0.0", 1, 13, "expected an address of IPv4 or IPv6, or a prefix like 10.0.0.0/8, found '10.0.0'")]
    [InlineData("accept from ::ffff:1.2.3.4",
        1, 13, "expected an address of IPv4 or IPv6, or a prefix like 10.0.0.0/8, found '::ffff:1.2.3.4'")]
    [InlineData("accept from 10.0.0.1,", 1, 22, "a part of the list is empty")]
    [InlineData("accept from 10.0.0.0/33", 1, 22, "expected a prefix length of 0 to 32, found '33'")]
    [InlineData("accept from 1.1.1.1,10.0.0.1/8", 1, 21, "'10.0.0.1/8' has bits behind its prefix: 10.0.0.0/8 is what it would stand for")]
    [InlineData("accept ipv6 from 10.0.0.1", 1, 18, "expected an address of IPv6, found '10.0.0.1'")]
    [InlineData("accept udp to port", 1, 19, "expected a port, or ports like 8000-8080, found the end of the rule")]
    [InlineData("accept udp to port 1,x", 1, 22, "expected a port, or ports like 8000-8080, found 'x'")]
    [InlineData("accept udp to port 65536", 1, 20, "expected a port, or ports like 8000-8080, found '65536'")]
    [InlineData("accept udp to port 9-1", 1, 20, "the ports '9-1' end before they begin")]
    [InlineData("accept icmp to 10.0.0.1 port 1", 1, 25, "ports need the protocol tcp or udp")]
    [InlineData("accept from domain 70000", 1, 20, "expected the number of a domain, found '70000'")]
    [InlineData("accept from mac 00:16", 1, 17, "expected a hardware address like 00:16:3e:00:00:01, found '00:16'")]
    [InlineData("accept from bridge", 1, 19, "expected what a vif line has for bridge, found the end of the rule")]
    [InlineData("\u001b[2J", 1, 1, @"expected accept, drop, reject or default, found '\x1b[2J'")]
    public void A_wrong_text_says_where_it_is_wrong_and_what_was_expected(string text, int line, int column, string problem)
    {
        FilterSyntaxException error = Assert.Throws<FilterSyntaxException>(() => FilterRules.Parse(text));
        Assert.Equal((line, column, problem), (error.Line, error.Column, error.Problem));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"line {line}, column {column}: {problem}"), error.Message);
    }

    [Fact]
    public void There_are_no_more_rules_and_no_longer_lists_than_the_limits()
    {
        string most = string.Concat(Enumerable.Repeat("accept\n", FilterRules.MaximumRules));
        Assert.Equal(FilterRules.MaximumRules, FilterRules.Parse(most).Count);
        Assert.Equal(FilterRules.MaximumRules + 1, Assert.Throws<FilterSyntaxException>(() => FilterRules.Parse(most + "drop")).Line);
        string ports = string.Join(',', Enumerable.Repeat("1", 64));
        Assert.Equal(1, FilterRules.Parse($"accept tcp to port {ports}").Count);
        Assert.Throws<FilterSyntaxException>(() => FilterRules.Parse($"accept tcp to port {ports},1"));
    }

    /// <summary>A packet from the front end of domain 7, with the bridge "web", to outside.</summary>
    [Theory]
    [InlineData("accept", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept udp", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept ipv4", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept ipv6", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept ipv6", "tcp [fd00::2]:1000 [fd00::1]:80", true)]
    [InlineData("accept from guests to outside", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept from outside", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept to guests", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept from domain 7", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept from domain 8", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept to domain 0", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept from bridge web", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept from bridge mail", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept from mac 00:16:3e:00:00:07", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept from mac 00:16:3e:00:00:08", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept from 10.0.0.0/30 to 10.0.0.1", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept from 10.0.0.0/31", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept from 10.0.0.9,10.0.0.2", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept from ::/0", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept from fd00::/127 to fd00::/127", "tcp [fd00::2]:1000 [fd00::1]:80", false)]
    [InlineData("accept tcp to port 1-79,81-65535", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept tcp to port 1-79,80", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept tcp from port 1000", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    [InlineData("accept tcp from port 80", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("drop tcp to port 80; accept", "tcp 10.0.0.2:1000 10.0.0.1:80", false)]
    [InlineData("accept; drop tcp to port 80", "tcp 10.0.0.2:1000 10.0.0.1:80", true)]
    public void The_first_rule_that_matches_a_packet_decides(string rules, string packet, bool isAccepted)
    {
        string[] words = packet.Split(' ');
        FilterPort guest = new(1, Packets.Hash, 1, 1) { Address = MacAddress.Parse("00:16:3e:00:00:07") };
        guest.Describe(7, "web");
        FilterPort outside = new(0, Packets.Hash, 1, 1) { IsOutside = true };
        RuleSubject subject = new(6, new(Packets.Endpoint(words[1]), Packets.Endpoint(words[2])), 0);
        FilterVerdict verdict = FilterRules.Parse(rules).Judge(guest, outside, subject);
        Assert.Equal(isAccepted ? FilterVerdict.Accept : FilterVerdict.Drop, verdict);
    }
}
