using System.Globalization;
using System.Text;
using CsCheck;
using Xenlet.Symbols;

namespace Xenlet.Tool.Tests;

public sealed class BacktraceStreamTests
{
    [Theory]
    [InlineData("hello\n", "hello\n")]
    [InlineData("  at 0x20a1c4\n", "  at 0x20a1c4 f+0x20a1c4\n")]
    [InlineData("  at 0x20A1C4\r\n", "  at 0x20A1C4 f+0x20a1c4\r\n")]
    [InlineData("panic\r\n  at 0x10\r\n  at 0x11\r\n", "panic\r\n  at 0x10 f+0x10\r\n  at 0x11 f+0x11\r\n")]
    [InlineData("  at 0x10 (thread 3)\n", "  at 0x10 (thread 3) f+0x10\n")]
    [InlineData("  at 0x\n", "  at 0x\n")]
    [InlineData("  at 0x10", "  at 0x10")]
    [InlineData("x  at 0x10\n", "x  at 0x10\n")]
    [InlineData("   at Program.Main()\n", "   at Program.Main()\n")]
    [InlineData("  at 0x11112222333344445\n", "  at 0x11112222333344445\n")]
    [InlineData("progress\r  at 0x10\n", "progress\r  at 0x10\n")]
    [InlineData("  at 0xbad\n", "  at 0xbad\n")]
    [InlineData("(d1)   at 0x10\n", "(d1)   at 0x10 f+0x10\n")]
    [InlineData("(XEN) [2026-11-29 02:00:00.123] (d12)   at 0x10\n", "(XEN) [2026-11-29 02:00:00.123] (d12)   at 0x10 f+0x10\n")]
    [InlineData("(d1)  at 0x10\n", "(d1)  at 0x10\n")]
    [InlineData("(d1   at 0x10\n", "(d1   at 0x10\n")]
    public void Only_lines_of_a_backtrace_gain_a_name(string console, string expected) => Assert.Equal(expected, Filter([console]));

    [Fact]
    public void Where_the_console_is_cut_into_pieces_makes_no_difference()
    {
        const string Console = "one\r\n  at 0x10\r\n  at 0xbad\n  x\n  at 0x123 tail\n\n  at 0x7";
        string whole = Filter([Console]);

        Gen.Int[1, 5].Array[Console.Length].Sample(sizes => Assert.Equal(whole, Filter(Cut(Console, sizes))));
    }

    [Fact]
    public void No_byte_waits_for_a_later_one()
    {
        using MemoryStream output = new();
        using BacktraceStream filter = new(output, (_, _) => "f");
        foreach (byte value in "  at 0x10"u8)
        {
            long before = output.Length;
            filter.Write([value]);
            Assert.Equal(before + 1, output.Length);
        }
    }

    [Fact]
    public void The_first_address_of_a_trace_is_where_the_code_is_and_the_others_are_where_calls_return_to()
    {
        using MemoryStream output = new();
        using (BacktraceStream filter = new(output, (_, isReturnAddress) => isReturnAddress ? "return" : "here"))
        {
            filter.Write("panic\r\n  at 0x1\r\n  at 0x2\r\n  ... 3 more\r\n  at 0x3\r\nthread 2\n  at 0x4\n  at 0x5\n\n  at 0x6"u8);
            filter.Finish();
        }

        Assert.Equal(
            "panic\r\n  at 0x1 here\r\n  at 0x2 return\r\n  ... 3 more\r\n  at 0x3 return\r\nthread 2\n  at 0x4 here\n"
                + "  at 0x5 return\n\n  at 0x6 here",
            Encoding.UTF8.GetString(output.ToArray()));
    }

    private static string Filter(IEnumerable<string> pieces)
    {
        using MemoryStream output = new();
        using BacktraceStream filter = new(
            output,
            (address, _) => address == 0xbad ? null : string.Create(CultureInfo.InvariantCulture, $"f+0x{address:x}"));
        foreach (string piece in pieces)
        {
            filter.Write(Encoding.UTF8.GetBytes(piece));
        }

        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static IEnumerable<string> Cut(string text, int[] sizes)
    {
        int position = 0;
        foreach (int size in sizes.TakeWhile(_ => position < text.Length))
        {
            int length = Math.Min(size, text.Length - position);
            yield return text.Substring(position, length);
            position += length;
        }
    }
}
