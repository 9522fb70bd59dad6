using System.Text;
using Xenlet.BackEnds;

namespace Xenlet.Fuzz.Targets;

/// <summary>Texts of filter rules: what is read reads the same again, and what is not says where it is wrong.</summary>
internal static class FilterRuleTexts
{
    public static byte[][] Tokens { get; } =
    [
        .. ((string[])[
            "accept ", "drop ", "reject ", "default ", "ipv4 ", "ipv6 ", "tcp ", "udp ", "icmp ", "icmpv6 ", "protocol ", "type ",
            "from ", "to ", "guests ", "outside ", "domain ", "mac 00:16:3e:00:00:01 ", "bridge ", "10.0.0.0/8", "fd00::/64", "port ",
            "80-90", ",", ";", "\n", "#",
        ]).Select(Encoding.Latin1.GetBytes),
    ];

    public static void Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        try
        {
            FilterRules rules = FilterRules.Parse(text);
            string written = rules.ToString();
            Assert.Equal(written, FilterRules.Parse(written).ToString());
        }
        catch (FilterSyntaxException error)
        {
            string[] lines = text.Split('\n');
            Assert.InRange(error.Line, 1, lines.Length);
            Assert.InRange(error.Column, 1, lines[error.Line - 1].Length + 1);
            Assert.DoesNotContain('\n', error.Message);
        }
    }
}
