using System.Globalization;
using System.Text;
using Xenlet.QemuXen.Image;

namespace Xenlet.QemuXen.Tests;

public sealed class CpioWriterTests
{
    [Fact]
    public void An_archive_holds_each_entry_behind_its_directories_and_ends_with_the_trailer()
    {
        List<Entry> entries = Read(Write(cpio =>
        {
            cpio.AddFile("bin/sub/tool", "#!/bin/sh\n"u8, executable: true);
            cpio.AddFile("/etc/empty", []);
            cpio.AddLink("bin/alias", "sub/tool");
            cpio.AddCharacterDevice("dev/console", 5, 1);
            cpio.AddDirectory("proc");
        }));

        Assert.Equal(
            [
                "bin 40755 0:0 ''", "bin/sub 40755 0:0 ''", "bin/sub/tool 100755 0:0 '#!/bin/sh\n'", "etc 40755 0:0 ''",
                "etc/empty 100644 0:0 ''",
                "bin/alias 120777 0:0 'sub/tool'", "dev 40755 0:0 ''", "dev/console 20600 5:1 ''", "proc 40755 0:0 ''",
                "TRAILER!!! 0 0:0 ''",
            ],
            entries.Select(e => e.ToString()));
    }

    [Fact]
    public void Equal_input_gives_equal_bytes() =>
        Assert.Equal(Write(cpio => cpio.AddFile("a", "x"u8)), Write(cpio => cpio.AddFile("a", "x"u8)));

    [Fact]
    public void A_second_entry_of_the_same_name_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => Write(cpio =>
        {
            cpio.AddFile("a", "x"u8);
            cpio.AddFile("a", "y"u8);
        }));

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("TRAILER!!!")]
    public void A_name_the_format_cannot_have_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => Write(cpio => cpio.AddFile(name, [])));

    private static byte[] Write(Action<CpioWriter> add)
    {
        MemoryStream output = new();
        using (CpioWriter cpio = new CpioWriter(output))
        {
            add(cpio);
        }

        return output.ToArray();
    }

    /// <summary>Reads by the format's description: 110 bytes of header, name and content each padded to 4 bytes.</summary>
    private static List<Entry> Read(byte[] archive)
    {
        List<Entry> entries = new();
        int at = 0;
        while (at < archive.Length)
        {
            Assert.Equal("070701", Encoding.ASCII.GetString(archive, at, 6));
            int Field(int index) =>
                int.Parse(Encoding.ASCII.GetString(archive, at + 6 + (index * 8), 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            int size = Field(6);
            int nameSize = Field(11);
            string name = Encoding.UTF8.GetString(archive, at + 110, nameSize - 1);
            Assert.Equal(0, archive[at + 110 + nameSize - 1]);
            int content = (at + 110 + nameSize + 3) & ~3;
            entries.Add(new(name, Field(1), Field(9), Field(10), Encoding.UTF8.GetString(archive, content, size)));
            at = (content + size + 3) & ~3;
        }

        return entries;
    }

    private sealed record Entry(string Name, int Mode, int Major, int Minor, string Content)
    {
        public override string ToString() => $"{Name} {Convert.ToString(Mode, 8)} {Major}:{Minor} '{Content}'";
    }
}
