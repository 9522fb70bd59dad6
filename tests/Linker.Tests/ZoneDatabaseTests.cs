using System.Text;
using Xenlet.Linker.Files;

namespace Xenlet.Linker.Tests;

/// <summary>The time zones of an image.</summary>
public sealed class ZoneDatabaseTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public ZoneDatabaseTests()
    {
        foreach ((string name, string content) in ((string, string)[])
        [
            ("Europe/Berlin", "TZif2 Berlin"), ("Arctic/Longyearbyen", "TZif2 Berlin"), ("America/New_York", "TZif2 York"),
            ("UTC", "TZif2 0"), ("posix/UTC", "TZif2 0"), ("localtime", "TZif2 0"), ("leapseconds", "# no zone"),
            ("zone.tab", "#code\tcoordinates\tTZ\nDE\t+5230\tEurope/Berlin\tmost\nUS\t+4042\tAmerica/New_York\tEastern\n"),
        ])
        {
            string path = _scratch[name];
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, content);
        }
    }

    public void Dispose() => _scratch.Dispose();

    private ZoneDatabase Database => new(_scratch["."]);

    public static TheoryData<string, string, string[]> Images => new()
    {
        { "Europe/Berlin", "", ["Europe/Berlin", "zone.tab"] },
        { "UTC;Europe/Berlin;UTC", "", ["Europe/Berlin", "UTC", "zone.tab"] },
        { "", "America/New_York", ["America/New_York", "zone.tab", "/etc/localtime"] },
        { "all", "", ["America/New_York", "Arctic/Longyearbyen", "Europe/Berlin", "UTC", "zone.tab"] },
        { "", "", [] },
    };

    [Theory]
    [MemberData(nameof(Images))]
    public void An_image_has_the_zones_that_are_named_their_lines_of_the_table_and_the_local_one(
        string names, string local, string[] expected)
    {
        ImageFile[] files = [.. Database.Files(ZoneDatabase.Split(names), local)];
        Assert.Equal(expected.Select(name => name[0] == '/' ? name : $"/usr/share/zoneinfo/{name}"), files.Select(file => file.Path));
        string table = string.Concat(files.Where(file => file.Path.EndsWith("zone.tab", StringComparison.Ordinal))
            .Select(file => Encoding.UTF8.GetString(file.Content)));
        foreach (string zone in (string[])["Europe/Berlin", "America/New_York"])
        {
            Assert.Equal(expected.Contains(zone), table.Contains($"\t{zone}\t", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("Europe/Berln")]
    [InlineData("Europe")]
    [InlineData("leapseconds")]
    [InlineData("../zones")]
    [InlineData("/etc/passwd")]
    [InlineData("Europe//Berlin")]
    public void What_is_no_zone_is_named(string name)
    {
        Assert.Equal([name], Database.Unknown(["UTC", name, "all"]));
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => Database.Files([name], "").ToArray());
        Assert.StartsWith($"{name} is no time zone of", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Zones_of_equal_content_share_it_in_the_image()
    {
        ImageContent one = ImageContent.Read(["zones\tEurope/Berlin"], Database);
        ImageContent two = ImageContent.Read(["zones\tEurope/Berlin;Arctic/Longyearbyen"], Database);
        byte[] content = "TZif2 Berlin"u8.ToArray();
        Assert.Equal(1, Count(FileSection.Write(one), content));
        Assert.Equal(1, Count(FileSection.Write(two), content));

        static int Count(byte[] section, byte[] part) => Enumerable.Range(0, section.Length - part.Length + 1)
            .Count(at => section.AsSpan(at, part.Length).SequenceEqual(part));
    }
}
