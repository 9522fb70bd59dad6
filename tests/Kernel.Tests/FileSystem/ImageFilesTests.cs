using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Linker.Files;

namespace Xenlet.Kernel.Tests;

/// <summary>Files of the image, in the section that the linker tool writes.</summary>
public sealed unsafe class ImageFilesTests : FileSystemTest, IDisposable
{
    private static readonly ImageContent Files = new(
        [
            new("appsettings.json", "{ }"u8.ToArray()), new("wwwroot/css/site.css", new byte[5000]), new("wwwroot/empty", []),
            new("wwwroot/index.html", "<html>"u8.ToArray()), new("/etc/localtime", "TZif"u8.ToArray()),
            new("/usr/share/zoneinfo/Europe/Berlin", "TZif2"u8.ToArray()),
        ],
        ["ONE=1", "XENLET_TMP=3"]);

    private static readonly byte[] Bytes = FileSection.Write(Files);
    private static readonly ulong Section = Place(Bytes);

    public ImageFilesTests()
    {
        (Image.Files, Image.FilesEnd) = (Section, Section + (ulong)Bytes.Length);
        Assert.True(ImageFiles.TryAdd(WorkingDirectory.Current));
    }

    public void Dispose() => (Image.Files, Image.FilesEnd) = (0, 0);

    [Fact]
    public void They_are_in_the_directory_of_the_program()
    {
        Assert.Equal("xenlet appsettings.json wwwroot", Entries("/app"));
        Assert.Equal("css empty index.html", Entries("wwwroot"));
        Assert.Equal("{ }", Content("appsettings.json"));
        Assert.Equal("<html>", Content("/app/wwwroot/css/../index.html"));
        Assert.Equal((5000, 0), (Length("wwwroot/css/site.css"), Length("wwwroot/empty")));
    }

    [Fact]
    public void One_whose_path_begins_with_a_slash_is_below_the_root()
    {
        Assert.Equal(("TZif", "TZif2"), (Content("/etc/localtime"), Content("/usr/share/zoneinfo/Europe/Berlin")));
        Assert.Equal("share", Entries("/usr"));
        Assert.Equal(-Errno.EROFS, Open("/usr/share/zoneinfo/Europe/Berlin", O_RDWR));
    }

    [Fact]
    public void Their_time_is_that_of_the_section()
    {
        Assert.Equal(0, Call(SystemCallNumber.Stat, Path("wwwroot/index.html"), Buffer));
        Assert.Equal(FileSection.TimeOf("<html>"u8), ((stat*)Buffer)->st_mtime);
        Assert.Equal(0x8124u, ((stat*)Buffer)->st_mode);
    }

    [Fact]
    public void They_cannot_be_changed()
    {
        Assert.Equal(-Errno.EROFS, Open("appsettings.json", O_RDWR));
        Assert.Equal(-Errno.EROFS, Open("wwwroot/new", O_CREAT));
        Assert.Equal(-Errno.EROFS, Call(SystemCallNumber.Unlink, Path("appsettings.json")));
        Assert.Equal(-Errno.EROFS, Call(SystemCallNumber.Rmdir, Path("wwwroot")));
        Assert.Equal(-Errno.EXDEV, Call(SystemCallNumber.Rename, Path("appsettings.json"), OtherPath("/tmp/a")));
    }

    [Theory]
    [InlineData("XENLET_TMP=5", true, 5ul << 20)]
    [InlineData("XENLET_TMP=0", true, 0ul)]
    [InlineData("XENLET_TMPX=5", true, 7ul)]
    [InlineData("XENLET_TMP=", false, 7ul)]
    [InlineData("XENLET_TMP=5M", false, 7ul)]
    [InlineData("XENLET_TMP=99999999999999999999", false, 7ul)]
    public void A_variable_limits_tmp(string variable, bool isTaken, ulong limit)
    {
        FileRoom.Limit = 7;
        byte** variables = stackalloc byte*[2];
        variables[0] = (byte*)Path("A=1");
        variables[1] = (byte*)OtherPath(variable);

        Assert.Equal((isTaken, limit), (TemporaryFilesLimit.TrySet(variables, 2), FileRoom.Limit));
    }

    [Fact]
    public void Variables_of_the_image_lie_behind_each_other()
    {
        Assert.Equal(2u, ImageFiles.VariableCount);
        Assert.Equal("ONE=1\0XENLET_TMP=3\0"u8, new ReadOnlySpan<byte>(ImageFiles.FirstVariable, 19));
    }

    private static ulong Place(byte[] bytes)
    {
        void* place = NativeMemory.AlignedAlloc((nuint)bytes.Length, 16);
        bytes.CopyTo(new Span<byte>(place, bytes.Length));
        return (ulong)place;
    }
}
