using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>Watches of inotify, and what they are told.</summary>
public sealed unsafe class InotifyTests : FileSystemTest
{
    private const ulong AllEvents = 0xfff; // IN_ALL_EVENTS of linux/inotify.h

    private static readonly (uint Bit, string Name)[] Names =
    [
        (2, "modify"), (4, "attrib"), (8, "close_write"), (0x40, "moved_from"), (0x80, "moved_to"), (0x100, "create"), (0x200, "delete"),
        (0x400, "delete_self"), (0x800, "move_self"), (0x4000, "overflow"), (0x8000, "ignored"), (0x4000_0000, "isdir"),
    ];

    private readonly ulong _instance;

    public InotifyTests()
    {
        _instance = (ulong)Call(SystemCallNumber.InotifyInit1, O_NONBLOCK);
        Assert.Equal(3ul, _instance);
    }

    [Fact]
    public void A_watch_of_a_directory_is_told_what_happens_in_it()
    {
        Assert.Equal(1, Watch("/tmp"));
        Create("/tmp/a", "x");
        Assert.Equal(0, Call(SystemCallNumber.Mkdir, Path("/tmp/d"), 0x1ff));
        Assert.Equal(0, Call(SystemCallNumber.Rename, Path("/tmp/a"), OtherPath("/tmp/b")));
        Assert.Equal(0, Call(SystemCallNumber.Chmod, Path("/tmp/b"), 0));
        Assert.Equal(0, Call(SystemCallNumber.Truncate, Path("/tmp/b"), 0));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/b")));
        Assert.Equal(0, Call(SystemCallNumber.Rmdir, Path("/tmp/d")));

        Assert.Equal(
            [
                "1 create a", "1 modify a", "1 close_write a", "1 create isdir d", "1 moved_from a 1", "1 moved_to b 1", "1 attrib b",
                "1 modify b", "1 delete b", "1 delete isdir d",
            ],
            Events());
    }

    [Fact]
    public void A_watch_of_a_file_ends_with_the_file()
    {
        Create("/tmp/a");
        Assert.Equal(1, Watch("/tmp/a"));
        Assert.Equal(1, Watch("/tmp/a"));
        Assert.Equal(0, Call(SystemCallNumber.Rename, Path("/tmp/a"), OtherPath("/tmp/b")));
        Assert.Equal(0, Call(SystemCallNumber.Unlink, Path("/tmp/b")));

        Assert.Equal(["1 move_self", "1 delete_self", "1 ignored"], Events());
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.InotifyRmWatch, _instance, 1));
    }

    [Fact]
    public void A_watch_outside_tmp_is_silent_and_can_be_removed()
    {
        Assert.Equal(1, Watch("/app"));
        Assert.Equal(2, Watch("/etc/passwd"));
        Assert.NotEqual("", Content("/etc/passwd"));
        Assert.Equal([], Events());
        Assert.Equal(0, Call(SystemCallNumber.InotifyRmWatch, _instance, 1));
        Assert.Equal(["1 ignored"], Events());
    }

    [Theory]
    [InlineData("/tmp/none", AllEvents, -Errno.ENOENT)]
    [InlineData("/etc/passwd", AllEvents | 0x0100_0000, -Errno.ENOTDIR)]
    [InlineData("/tmp", 0ul, -Errno.EINVAL)]
    [InlineData("/tmp", AllEvents | 0x3000_0000, -Errno.EINVAL)]
    public void A_watch_that_cannot_be_is_refused(string path, ulong mask, long result)
    {
        Assert.Equal(result, Call(SystemCallNumber.InotifyAddWatch, _instance, Path(path), mask));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.InotifyAddWatch, 0, Path("/tmp"), AllEvents));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.InotifyAddWatch, 9, Path("/tmp"), AllEvents));
    }

    [Fact]
    public void A_reader_waits_for_an_event_and_epoll_tells_of_it()
    {
        Nucleus.Threads.Thread* other = Spawn();
        Assert.Equal(1, Watch("/tmp"));
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        *(uint*)Buffer = 1; // EPOLLIN
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, 1, _instance, Buffer));
        Assert.Equal(0, Call(SystemCallNumber.EpollWait, set, Buffer, 1, 0));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, _instance, 4, 0));
        ulong events = Allocate(1);
        Nucleus.Threads.Thread* reader = Park(SystemCallNumber.Read, _instance, events, 4096);
        Assert.True(Current == other);

        _ = Enter(SystemCallNumber.Mkdir, Path("/tmp/d"), 0);

        Assert.Equal((Nucleus.Threads.ThreadState.Ready, 32ul), (reader->State, reader->Frame.Rax));
        Assert.Equal(0, Call(SystemCallNumber.Rmdir, Path("/tmp/d")));
        Assert.Equal(1, Call(SystemCallNumber.EpollWait, set, Buffer, 1, 0));
    }

    /// <summary>As for inotify of Linux: equal events in a row are one, and what does not fit is told of once.</summary>
    [Fact]
    public void Events_that_nobody_reads_are_bounded()
    {
        Assert.Equal(1, Watch("/tmp"));
        long file = Open("/tmp/a", O_CREAT | O_RDWR);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(1, Write(file, "x"));
        }

        Assert.Equal(["1 create a", "1 modify a"], Events());
        for (int i = 0; i < 1500; i++)
        {
            Assert.Equal(0, Call(SystemCallNumber.Mkdir, Path("/tmp/d"), 0));
            Assert.Equal(0, Call(SystemCallNumber.Rmdir, Path("/tmp/d")));
        }

        List<string> events = Events();
        Assert.Equal((1025, "-1 overflow"), (events.Count, events[^1]));
    }

    [Fact]
    public void A_closed_instance_leaves_nothing()
    {
        _ = AssertFramesAccountedFor(out ulong before);
        long instance = Call(SystemCallNumber.InotifyInit1, 0);
        Assert.Equal(1, Call(SystemCallNumber.InotifyAddWatch, (ulong)instance, Path("/tmp"), AllEvents));
        Assert.Equal(0, Call(SystemCallNumber.Mkdir, Path("/tmp/d"), 0));
        Assert.Equal(0, Call(SystemCallNumber.Rmdir, Path("/tmp/d")));

        Assert.Equal(0, Close(instance));

        _ = AssertFramesAccountedFor(out ulong after);
        Assert.Equal(before, after);
        Create("/tmp/a");
    }

    private long Watch(string path) => Call(SystemCallNumber.InotifyAddWatch, _instance, Path(path), AllEvents);

    /// <summary>All events, as "watch events name cookie".</summary>
    private List<string> Events()
    {
        List<string> events = [];
        ulong buffer = Buffer;
        while (true)
        {
            long count = Call(SystemCallNumber.Read, _instance, buffer, 4096);
            if (count == -Errno.EAGAIN)
            {
                return events;
            }

            Assert.True(count > 0, $"read gave {count}");
            for (ulong at = buffer; at < buffer + (ulong)count; at += 16 + *(uint*)(at + 12))
            {
                IEnumerable<string> words = Names.Where(name => (*(uint*)(at + 4) & name.Bit) != 0).Select(name => name.Name);
                string name = Encoding.UTF8.GetString((byte*)at + 16, (int)*(uint*)(at + 12)).TrimEnd('\0');
                uint cookie = *(uint*)(at + 8);
                string[] named = name == "" ? [] : [name];
                string[] paired = cookie == 0 ? [] : [$"{cookie}"];
                events.Add(string.Join(' ', [$"{*(int*)at}", .. words, .. named, .. paired]));
            }
        }
    }
}
