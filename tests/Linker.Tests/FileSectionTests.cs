using System.Text;
using Xenlet.Linker.Files;

namespace Xenlet.Linker.Tests;

/// <summary>The files and variables of an image.</summary>
public sealed class FileSectionTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_section_has_header_entries_variables_paths_and_contents()
    {
        byte[] section = FileSection.Write(new(
            [new("a", [1, 2, 3]), new("d/ä", Encoding.UTF8.GetBytes("second"))], ["X=1", "LONG=a b"]));

        Assert.Equal((2, 16, 2, 16 + (2 * 32)), (Int(0), Int(4), Int(8), Int(12)));
        Assert.Equal("X=1\0LONG=a b\0", Encoding.UTF8.GetString(section, Int(12), 13));
        Assert.Equal("a 010203", Entry(0));
        Assert.Equal($"d/ä {Convert.ToHexString("second"u8)}", Entry(1));
        Assert.Equal(FileSection.TimeOf([1, 2, 3]), BitConverter.ToUInt64(section, 16 + 24));

        int Int(int offset) => BitConverter.ToInt32(section, offset);

        string Entry(int index)
        {
            int at = 16 + (index * 32);
            int content = (int)BitConverter.ToInt64(section, at + 8);
            string path = Encoding.UTF8.GetString(section, Int(at), Int(at + 4));
            return $"{path} {Convert.ToHexString(section, content, Int(at + 16))}";
        }
    }

    /// <summary>A tag of a web server is made of a file's time and length.</summary>
    [Fact]
    public void A_files_time_follows_from_its_content_and_lies_in_the_past()
    {
        Assert.Equal(FileSection.TimeOf("one"u8), FileSection.TimeOf("one"u8));
        Assert.NotEqual(FileSection.TimeOf("one"u8), FileSection.TimeOf("two"u8));
        Assert.All(
            Enumerable.Range(0, 1000),
            i => Assert.InRange(DateTimeOffset.FromUnixTimeSeconds((long)FileSection.TimeOf(BitConverter.GetBytes(i))).Year, 2001, 2020));
    }

    /// <summary>OpenSSL wrote them: one as it does today, one as it did before version 3.</summary>
    [Theory]
    [InlineData("server.pfx", "server.pfx", "")]
    [InlineData("rc2.pfx", "old.P12", "old.P12: warning XENLET025: it is encrypted with RC2")]
    [InlineData("rc2.pfx", "old.txt", "")]
    public void A_PKCS_12_file_that_needs_OpenSSLs_legacy_provider_is_a_warning(string file, string path, string warning)
    {
        string source = Path.Combine(TargetsProject.Repository, "tests", "Certificates", file);
        string warnings = string.Join('\n', ImageContent.Read([$"file\t{path}\t{source}"]).Warnings());
        Assert.StartsWith(warning, warnings, StringComparison.Ordinal);
        Assert.Equal(warning == "", warnings == "");
    }

    /// <summary>The list says when the build has made an asset.</summary>
    [Fact]
    public void The_list_of_static_web_assets_has_their_times_in_the_image_so_that_equal_publishes_are_equal()
    {
        const string list = """
            {"Endpoints":[
            {"AssetFile":"a.gz","ResponseHeaders":[{"Name":"Vary","Value":"x"},{"Name":"Last-Modified","Value":"TIME"}]},
            {"AssetFile":"b","ResponseHeaders":[]}]}
            """;
        string asset = Line("wwwroot/a.gz", "asset");
        byte[][] lists = [.. ((string[])["today", "tomorrow"]).Select(time => ImageContent.Read(
            [asset, AssetList(list.Replace("TIME", time, StringComparison.Ordinal))]).Files[0].Content)];

        string modified = DateTimeOffset.FromUnixTimeSeconds((long)FileSection.TimeOf("asset"u8)).ToString("R");
        Assert.Equal(lists[0], lists[1]);
        Assert.Contains($"\"Last-Modified\",\"Value\":\"{modified}\"", Encoding.UTF8.GetString(lists[0]), StringComparison.Ordinal);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => ImageContent.Read([AssetList("{}")]));
        Assert.Contains("a list of static web assets cannot be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_order_of_the_list_makes_no_difference()
    {
        string[] lines = [Line("b", "2"), Line("a/c", "1"), Line("a b", "3")];

        Assert.Equal(["a b", "a/c", "b"], ImageContent.Read(lines).Files.Select(file => file.Path));
        Assert.Equal(
            FileSection.WriteObject(ImageContent.Read(lines)), FileSection.WriteObject(ImageContent.Read([.. lines.Reverse(), lines[0]])));
    }

    [Theory]
    [InlineData("../a", "no file of an image can have the path ../a")]
    [InlineData("/a", "no file of an image can have the path /a")]
    [InlineData("a//b", "no file of an image can have the path a//b")]
    [InlineData("./a", "no file of an image can have the path ./a")]
    [InlineData("xenlet", "no file of an image can have the path xenlet")]
    [InlineData("taken/below", "taken is to be a file in the image, and the directory of taken/below")]
    [InlineData("taken", "two files are to be taken in the image")]
    public void A_path_that_cannot_be_is_named(string path, string message)
    {
        string[] lines = [Line("taken", "first"), Line(path, "second")];

        InvalidDataException error = Assert.Throws<InvalidDataException>(() => ImageContent.Read(lines));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_have_a_limit()
    {
        string[] lines = [.. Enumerable.Range(0, 33).Select(i => $"variable\tV{i}=1")];

        Assert.Equal(32, ImageContent.Read(lines[..32]).Variables.Count);
        Assert.Throws<InvalidDataException>(() => ImageContent.Read(lines));
    }

    private string AssetList(string content)
    {
        string source = _scratch["list"];
        File.WriteAllText(source, content);
        return $"file\tweb.staticwebassets.endpoints.json\t{source}";
    }

    private string Line(string path, string content)
    {
        string source = _scratch[content];
        File.WriteAllText(source, content);
        return $"file\t{path}\t{source}";
    }
}
