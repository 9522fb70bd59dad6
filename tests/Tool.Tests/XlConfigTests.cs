using Xenlet.Tool.Base;
using Xenlet.Tool.Runs;

namespace Xenlet.Tool.Tests;

public sealed class XlConfigTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Strings_numbers_and_lists_are_read_as_xl_reads_them()
    {
        XlConfig config = Read("""
            # a comment
            name = "my guest"   # another
            kernel='a\'b\\c.elf'; memory = 0x20
            disk = [ "format=raw,vdev=xvda",
                     'second', ]
            vif = []
            builder = hvm
            """);

        Assert.Equal("my guest", config.Text("name"));
        Assert.Equal(@"a'b\c.elf", config.Text("kernel"));
        Assert.Equal(32, config.Number("memory", 64));
        Assert.Equal(["format=raw,vdev=xvda", "second"], config.List("disk"));
        Assert.Equal(4, config.LineOf("disk"));
        Assert.Empty(config.List("vif"));
        Assert.Null(config.Text("cmdline"));
        Assert.Equal("hvm", config.Text("builder"));
    }

    [Theory]
    [InlineData("name \"a\"", "1: '=' is missing behind 'name'")]
    [InlineData("\n= 1", "2: a setting is to begin with its name, not with '='")]
    [InlineData("a = 1\nname = \"a", "2: a string has no \" at its end")]
    [InlineData("name = ", "1: a value is missing: a number, a string in quotes, or a list")]
    [InlineData("disk = [ \"a\"\n\"b\" ]", "2: ',' or ']' is missing in a list")]
    [InlineData("a = 1\ndisk = [ \"a\",\n", "2: a list that begins here has no ']'")]
    [InlineData("name = \"a\" \"b\"", "1: the value of 'name' is followed by '\"'")]
    [InlineData("name = \"\\q\"", "1: a string has a \\ that is followed by none of \\ \" ' n t")]
    [InlineData("a = 1\nb = 2\na = 3", "3: 'a' is set a second time, first in line 1")]
    public void What_is_not_understood_is_named_with_its_line(string text, string expected)
    {
        ToolException failure = Assert.Throws<ToolException>(() => Read(text));
        Assert.Equal($"{_directory["some.cfg"]}:{expected}", failure.Message);
    }

    [Theory]
    [InlineData("memory = [1]", "1: 'memory' is to be one value, not a list")]
    [InlineData("memory = \"much\"", "1: memory = much is no number from 1 to 64")]
    [InlineData("memory = 65", "1: memory = 65 is no number from 1 to 64")]
    public void A_value_of_another_kind_is_named_with_its_line(string text, string expected)
    {
        XlConfig config = Read(text);
        ToolException failure = Assert.Throws<ToolException>(() => config.Number("memory", 64));
        Assert.Equal($"{_directory["some.cfg"]}:{expected}", failure.Message);
    }

    [Fact]
    public void What_a_publish_writes_is_understood()
    {
        string written = new QemuXen.GuestConfig
        {
            Name = "App",
            Kernel = "App.elf",
            CommandLine = "A=1 'two words' \"\\",
            Disks = ["format=raw,vdev=xvda,access=rw,target=/dev/vg/app"],
            Vifs = [""],
        }.ToXlConfig();
        XlConfig config = Read(written);

        Assert.Equal(("App", "App.elf", "A=1 'two words' \"\\"), (config.Text("name"), config.Text("kernel"), config.Text("cmdline")));
        Assert.Equal(["format=raw,vdev=xvda,access=rw,target=/dev/vg/app"], config.List("disk"));
        Assert.Equal([""], config.List("vif"));
    }

    private XlConfig Read(string text) => XlConfig.Read(_directory.Write("some.cfg", text));
}
