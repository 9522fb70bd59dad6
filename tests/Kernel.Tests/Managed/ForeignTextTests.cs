namespace Xenlet.Kernel.Tests.Managed;

public sealed class ForeignTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("plain text, ünïcode €😀, 'quotes' and \\ stay", "plain text, ünïcode €😀, 'quotes' and \\ stay")]
    [InlineData("a\u001b[2Jb", "a\\x1b[2Jb")]
    [InlineData("a\r\nxenlet: exit 0", "a\\x0d\\x0axenlet: exit 0")]
    [InlineData("\0\a\b\t\u007f", "\\x00\\x07\\x08\\x09\\x7f")]
    [InlineData("\u009b2J\u0085", "\\x9b2J\\x85")]
    [InlineData("\u2028\u2029", "\\u2028\\u2029")]
    [InlineData("\u202eright to left\u2066", "\\u202eright to left\\u2066")]
    [InlineData("\ufeff\U000e0041", "\\ufeff\\U000e0041")]
    [InlineData("\u001b", "\\x1b")]
    public void Nothing_in_a_text_of_others_commands_a_terminal_and_the_rest_stays(string text, string escaped)
    {
        Assert.Equal(escaped, ForeignText.Escape(text));
        Assert.Equal(escaped, ForeignText.Escape(escaped));
    }

    /// <summary>Not in the table above: a test's name cannot hold them.</summary>
    [Fact]
    public void Half_a_character_is_none() => Assert.Equal("half \\ud83d and \\ude00", ForeignText.Escape("half \ud83d and \ude00"));

    [Fact]
    public void A_text_of_several_lines_keeps_them() => Assert.Equal("one\ntwo\\x0d\n\\x1b", ForeignText.EscapeLines("one\ntwo\r\n\u001b"));
}
