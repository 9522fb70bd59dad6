namespace Xenlet.Kernel.Tests;

/// <summary>Directories, names and links in /tmp.</summary>
public sealed unsafe class DirectoryTests : FileSystemTest
{
    public DirectoryTests()
    {
        Assert.Equal(0, MakeDirectory("/tmp/d"));
        Create("/tmp/d/f", "file");
        Create("/tmp/g", "other");
    }

    [Fact]
    public void A_directory_has_what_is_made_in_it()
    {
        Assert.Equal("f", Entries("/tmp/d"));
        Assert.Equal("d g", Entries("/tmp"));
        Assert.Equal(-Errno.EEXIST, MakeDirectory("/tmp/d"));
        Assert.Equal(-Errno.ENOENT, MakeDirectory("/tmp/none/e"));
        Assert.Equal(-Errno.ENOTDIR, MakeDirectory("/tmp/g/e"));
        Assert.Equal(0, MakeDirectory("/tmp/d/e//"));
        Assert.Equal(0, Call(SystemCallNumber.Stat, Path("/tmp/d"), Buffer));
        Assert.Equal((0x41edu, 3ul), (((stat*)Buffer)->st_mode, ((stat*)Buffer)->st_nlink));
    }

    [Fact]
    public void A_directory_is_removed_when_nothing_is_in_it()
    {
        Assert.Equal(-Errno.ENOTEMPTY, Call(SystemCallNumber.Rmdir, Path("/tmp/d")));
        Assert.Equal(-Errno.ENOTDIR, Call(SystemCallNumber.Rmdir, Path("/tmp/g")));
        Assert.Equal(-Errno.EISDIR, Call(SystemCallNumber.Unlink, Path("/tmp/d")));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Rmdir, Path("/tmp/d/.")));
        Assert.Equal(-Errno.ENOTEMPTY, Call(SystemCallNumber.Rmdir, Path("/tmp/d/..")));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/d/f")));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Unlink, Path("/tmp/d/f")));
        Assert.Equal(0, Call(SystemCallNumber.Unlinkat, unchecked((ulong)-100), Path("/tmp/d"), 0x200));
        Assert.Equal("g", Entries("/tmp"));
    }

    [Fact]
    public void Nothing_can_be_made_in_a_directory_that_was_removed()
    {
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/d/f")));
        Assert.Equal(0, Call(SystemCallNumber.Chdir, Path("/tmp/d")));
        Assert.Equal(0, Call(SystemCallNumber.Rmdir, Path("/tmp/d")));

        Assert.Equal(-Errno.ENOENT, Open("new", O_CREAT));
        Assert.Equal(-Errno.ENOENT, MakeDirectory("new"));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Getcwd, Buffer, 100));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Rename, Path("/tmp/g"), OtherPath("new")));
        Assert.Equal(0, Call(SystemCallNumber.Chdir, Path("/")));
        Assert.Equal(1ul, TemporaryFiles.Count);
    }

    public static TheoryData<string, string, long> Renames => new()
    {
        { "/tmp/g", "/tmp/h", 0 },
        { "/tmp/g", "/tmp/d/f", 0 },
        { "/tmp/g", "/tmp/g", 0 },
        { "/tmp/d", "/tmp/e/", 0 },
        { "/tmp/g", "/tmp/e/", -Errno.ENOTDIR },
        { "/tmp/g", "/tmp/d", -Errno.EISDIR },
        { "/tmp/d", "/tmp/g", -Errno.ENOTDIR },
        { "/tmp/d", "/tmp/d/e", -Errno.EINVAL },
        { "/tmp/none", "/tmp/h", -Errno.ENOENT },
        { "/tmp/g", "/tmp/none/h", -Errno.ENOENT },
        { "/tmp/d/.", "/tmp/h", -Errno.EBUSY },
        { "/tmp", "/h", -Errno.EROFS },
        { "/etc/passwd", "/etc/p", -Errno.EROFS },
        { "/tmp/g", "/etc/p", -Errno.EXDEV },
    };

    [Theory]
    [MemberData(nameof(Renames))]
    public void A_name_changes_as_on_Linux(string from, string to, long result)
    {
        Assert.Equal(result, Call(SystemCallNumber.Rename, Path(from), OtherPath(to)));

        if (result == 0 && from == "/tmp/g")
        {
            Assert.Equal("other", Content(to));
        }

        Assert.Equal(
            result == 0 && from != to ? -Errno.ENOENT : 0,
            from.Contains("none") ? 0 : Call(SystemCallNumber.Stat, Path(from), Buffer));
    }

    [Fact]
    public void A_rename_that_may_not_replace_does_not()
    {
        ulong here = unchecked((ulong)-100);
        Assert.Equal(-Errno.EEXIST, Call(SystemCallNumber.Renameat2, here, Path("/tmp/g"), here, OtherPath("/tmp/d/f"), 1));
        Assert.Equal("file", Content("/tmp/d/f"));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Renameat2, here, Path("/tmp/g"), here, OtherPath("/tmp/d/f"), 2));
    }

    [Theory]
    [InlineData(255, 3)]
    [InlineData(256, -Errno.ENAMETOOLONG)]
    public void A_name_has_up_to_255_bytes(int length, long result) =>
        Assert.Equal(result, Open("/tmp/" + new string('n', length), O_CREAT));

    /// <summary>Each name is of another size of record, and of bytes that are no text.</summary>
    [Fact]
    public void Names_are_bytes()
    {
        string[] names = ["äöü", "a b", "new\nline", "\u0001", "-", "...", new string('x', 33), new string('y', 129)];
        foreach (string name in names)
        {
            Create($"/tmp/d/{name}", name);
        }

        Assert.Equal("f " + string.Join(' ', names), Entries("/tmp/d"));
        Assert.All(names, name => Assert.Equal(name, Content($"/tmp/d/{name}")));
    }

    /// <summary>Entries that were there all the time are listed once, whatever is made and removed meanwhile.</summary>
    [Fact]
    public void A_listing_goes_on_after_changes()
    {
        for (int i = 0; i < 50; i++)
        {
            Create($"/tmp/d/{i}");
        }

        ulong descriptor = (ulong)Open("/tmp/d", O_RDONLY);
        List<string> seen = [];
        int removed = 0;
        seen.AddRange(Listing.Names(
            size =>
            {
                long count = Call(SystemCallNumber.Getdents64, descriptor, Buffer, size);
                if (removed < 50)
                {
                    Assert.Equal(0, Call(SystemCallNumber.Unlink, Path($"/tmp/d/{removed}")));
                    removed += 2;
                }

                return count;
            },
            Buffer,
            size: 64));

        Assert.Equal(seen.Distinct(), seen);
        Assert.Equal(
            [.. Enumerable.Range(0, 25).Select(i => $"{(i * 2) + 1}")],
            seen.Where(name => int.TryParse(name, out int n) && n % 2 == 1));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Getdents64, (ulong)Open("/tmp", O_RDONLY), Buffer, 16));
    }

    [Fact]
    public void A_link_leads_to_its_path()
    {
        Assert.Equal(0, Link("d/f", "/tmp/l"));
        Assert.Equal(0, Link("/tmp/d", "/tmp/m"));
        Assert.Equal(0, Link("new", "/tmp/n"));
        Assert.Equal(0, Link("o", "/tmp/o"));

        Assert.Equal("file", Content("/tmp/l"));
        Assert.Equal("file", Content("/tmp/m/f"));
        Assert.Equal("f", Entries("/tmp/m/"));
        Assert.Equal(-Errno.ENOENT, Open("/tmp/n", O_RDONLY));
        Assert.Equal(-Errno.EEXIST, Open("/tmp/n", O_CREAT | O_EXCL));
        Assert.Equal(0, Close(Open("/tmp/n", O_CREAT)));
        Assert.Equal("", Content("/tmp/new"));
        Assert.Equal(-Errno.ELOOP, Open("/tmp/o", O_RDONLY));
        Assert.Equal(-Errno.ELOOP, Open("/tmp/o/x", O_RDONLY));
        Assert.Equal(-Errno.EEXIST, Link("x", "/tmp/o"));
        Assert.Equal(-Errno.ENOENT, Link("", "/tmp/p"));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/l")));
        Assert.Equal("file", Content("/tmp/d/f"));
    }

    [Fact]
    public void A_file_has_one_name()
    {
        Assert.Equal(-Errno.EEXIST, Call(SystemCallNumber.Link, Path("/tmp/g"), OtherPath("/tmp/d")));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Link, Path("/tmp/g"), OtherPath("/tmp/h")));
        Assert.Equal(-Errno.EXDEV, Call(SystemCallNumber.Link, Path("/etc/passwd"), OtherPath("/tmp/h")));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Link, Path("/tmp/none"), OtherPath("/tmp/h")));
    }

    [Fact]
    public void A_path_may_begin_at_an_open_directory()
    {
        ulong directory = (ulong)Open("/tmp/d", O_RDONLY);

        Assert.Equal(4, Call(SystemCallNumber.Openat, directory, Path("f"), 0));
        Assert.Equal("file", Read(4));
        Assert.Equal(-Errno.ENOTDIR, Call(SystemCallNumber.Openat, 4, Path("f"), 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Openat, 5, Path("f"), 0));
        Assert.Equal(0, Call(SystemCallNumber.Fchdir, directory));
        Assert.Equal("file", Content("f"));
        Assert.Equal("other", Content("../g"));
    }

    [Fact]
    public void New_things_have_the_permissions_that_the_mask_leaves()
    {
        Assert.Equal(0x12, Call(SystemCallNumber.Umask, 0x3f));
        Assert.Equal(0x3f, Call(SystemCallNumber.Umask, 0x3f));
        Create("/tmp/a");
        Assert.Equal(0x8180u, Mode("/tmp/a"));
        Assert.Equal(0, Call(SystemCallNumber.Chmod, Path("/tmp/a"), 0x1ed));
        Assert.Equal(0x81edu, Mode("/tmp/a"));
        Assert.Equal(0, Call(SystemCallNumber.Access, Path("/tmp/a"), 1));

        uint Mode(string path)
        {
            Assert.Equal(0, Call(SystemCallNumber.Stat, Path(path), Buffer));
            return ((stat*)Buffer)->st_mode;
        }
    }

    /// <summary>Whatever was made: when it is gone, so is its memory.</summary>
    [Fact]
    public void Everything_removed_leaves_nothing()
    {
        _ = AssertFramesAccountedFor(out ulong before);
        for (int i = 0; i < 60; i++)
        {
            Create($"/tmp/d/{new string('n', i * 4)}{i}", "content");
            Assert.Equal(0, Link("x", $"/tmp/d/l{i}"));
        }

        for (int i = 0; i < 60; i++)
        {
            Assert.Equal(0, Call(SystemCallNumber.Unlink, Path($"/tmp/d/{new string('n', i * 4)}{i}")));
            Assert.Equal(0, Call(SystemCallNumber.Unlink, Path($"/tmp/d/l{i}")));
        }

        _ = AssertFramesAccountedFor(out ulong after);
        Assert.Equal(before, after);
        Assert.Equal(3ul, TemporaryFiles.Count);
    }

    private long MakeDirectory(string path) => Call(SystemCallNumber.Mkdir, Path(path), 0x1ff);

    private long Link(string target, string path) => Call(SystemCallNumber.Symlink, Path(target), OtherPath(path));
}
