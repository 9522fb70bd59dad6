using System.Text;

namespace Xenlet.Kernel.Tests;

/// <summary>File descriptors, and the paths that exist in every guest.</summary>
public sealed unsafe class FileTests : NucleusTest
{
    private readonly ulong _buffer;

    public FileTests()
    {
        _buffer = Allocate(1);
    }

    /// <summary>O_RDONLY 0, O_WRONLY 1, O_RDWR 2, O_CREAT 0x40 (asm-generic/fcntl.h).</summary>
    [Theory]
    [InlineData("/dev/null", 2ul, 3)]
    [InlineData("/dev/urandom", 0ul, 3)]
    [InlineData("/dev/random", 0ul, 3)]
    [InlineData("/", 0ul, 3)]
    [InlineData(".", 0ul, 3)]
    [InlineData("/", 1ul, -Errno.EISDIR)]
    [InlineData("/etc/passwd", 0ul, 3)]
    [InlineData("/etc/passwd", 2ul, -Errno.EROFS)]
    [InlineData("/app/xenlet", 0ul, -Errno.EACCES)]
    [InlineData("/proc/self/exe", 0ul, -Errno.EACCES)]
    [InlineData("/proc/self/exe", 0x20000ul, -Errno.ELOOP)]
    [InlineData("//etc/../etc/./passwd", 0ul, 3)]
    [InlineData("/etc/passwd/", 0ul, -Errno.ENOTDIR)]
    [InlineData("/etc/passwd/x", 0ul, -Errno.ENOTDIR)]
    [InlineData("/etc/passwd", 0x10000ul, -Errno.ENOTDIR)]
    [InlineData("/etc/passwd", 0x200ul, -Errno.EROFS)]
    [InlineData("/etc/passwd", 0xc1ul, -Errno.EEXIST)]
    [InlineData("/etc/new", 0x41ul, -Errno.EROFS)]
    [InlineData("new", 0x41ul, -Errno.EROFS)]
    [InlineData("/none/new", 0x41ul, -Errno.ENOENT)]
    [InlineData("/tmp/new/", 0x41ul, -Errno.EISDIR)]
    [InlineData("xenlet", 0ul, -Errno.EACCES)]
    [InlineData("/etc/hosts", 0ul, 3)]
    [InlineData("/etc/nsswitch.conf", 0ul, 3)]
    [InlineData("/etc/host.conf", 0ul, 3)]
    [InlineData("/etc/resolv.conf", 0ul, -Errno.ENOENT)]
    [InlineData("/proc/net/dev", 0ul, -Errno.ENOENT)]
    [InlineData("/dev/nul", 0ul, -Errno.ENOENT)]
    [InlineData("/dev/nulll", 0ul, -Errno.ENOENT)]
    [InlineData("", 0ul, -Errno.ENOENT)]
    [InlineData("/tmp/a", 0x41ul, 3)]
    public void A_path_opens_as_what_it_is(string path, ulong flags, long result)
    {
        ulong address = Path(path);
        Assert.Equal(result, Call(SystemCallNumber.Open, address, flags));
        if (result >= 0)
        {
            Assert.Equal(0, Call(SystemCallNumber.Close, 3));
        }

        Assert.Equal(result, Call(SystemCallNumber.Openat, unchecked((ulong)-100), address, flags));
    }

    /// <summary>As on Linux: written data is not read, and one call takes up to 2 GiB less a page.</summary>
    [Theory]
    [InlineData(0x7fff_efff, 0x7fff_efff)]
    [InlineData(0x7fff_f000, 0x7fff_f000)]
    [InlineData(0x1_0000_0000, 0x7fff_f000)]
    [InlineData(long.MaxValue, 0x7fff_f000)]
    public void A_large_write_to_dev_null_returns(long count, long taken)
    {
        ulong descriptor = (ulong)Call(SystemCallNumber.Open, Path("/dev/null"), 2);
        Assert.Equal(taken, Call(SystemCallNumber.Write, descriptor, Allocate(1), (ulong)count));
    }

    [Fact]
    public void A_path_must_be_readable_and_end()
    {
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Open, 0x1000, 0));
        new Span<byte>((void*)_buffer, 4096).Fill((byte)'/');
        Assert.Equal(-Errno.ENAMETOOLONG, Call(SystemCallNumber.Open, _buffer, 0));
    }

    [Fact]
    public void Devices_read_and_write_as_on_Linux()
    {
        Assert.Equal(3, Call(SystemCallNumber.Open, Path("/dev/null"), 2));
        Assert.Equal(4, Call(SystemCallNumber.Open, Path("/dev/urandom"), 0));

        Assert.Equal(0, Call(SystemCallNumber.Read, 3, _buffer, 16));
        Assert.Equal(100, Call(SystemCallNumber.Write, 3, _buffer, 100));
        Assert.Equal(16, Call(SystemCallNumber.Read, 4, _buffer, 16));
        Assert.NotEqual(new byte[16], Load(_buffer, 16));
        Assert.Equal(0, *(byte*)(_buffer + 16));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Read, 4, 0x1000, 16));
    }

    [Fact]
    public void A_text_is_read_from_where_the_last_read_ended()
    {
        const string text = "root:x:0:0:root:/:\n";
        Assert.Equal(3, Call(SystemCallNumber.Open, Path("/etc/passwd"), 0));

        Assert.Equal(10, Call(SystemCallNumber.Read, 3, _buffer, 10));
        Assert.Equal(text.Length - 10, Call(SystemCallNumber.Read, 3, _buffer + 10, 100));
        Assert.Equal(0, Call(SystemCallNumber.Read, 3, _buffer, 100));
        Assert.Equal(text, Encoding.ASCII.GetString(Load(_buffer, text.Length)));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Write, 3, _buffer, 1));
        Assert.Equal(5, Call(SystemCallNumber.Lseek, 3, 5, 0));
        Assert.Equal(3, Call(SystemCallNumber.Read, 3, _buffer, 3));
        Assert.Equal(text[5..8], Encoding.ASCII.GetString(Load(_buffer, 3)));
    }

    [Fact]
    public void The_root_directory_lists_what_is_in_it()
    {
        Assert.Equal(3, Call(SystemCallNumber.Open, Path("/"), 0));
        Assert.Equal(
            [".", "..", "dev", "etc", "proc", "app", "tmp", "sys"],
            Listing.Names(size => Call(SystemCallNumber.Getdents64, 3, _buffer, size), _buffer));
        Assert.Equal(-Errno.ENOTDIR, Call(SystemCallNumber.Getdents64, 1, _buffer, 4096));
        Assert.Equal(-Errno.EISDIR, Call(SystemCallNumber.Read, 3, _buffer, 1));
    }

    /// <summary>struct stat (asm/stat.h of x86-64): st_nlink 16, st_mode 24, st_size 48, st_blksize 56; 144 bytes.</summary>
    [Theory]
    [InlineData("/", 0x416du, 0)]
    [InlineData("/dev/null", 0x21b6u, 0)]
    [InlineData("/dev/random", 0x21b6u, 0)]
    [InlineData("/etc/passwd", 0x8124u, 19)]
    public void Status_is_that_of_the_kind(string path, uint mode, long size)
    {
        ulong name = Path(path);
        new Span<byte>((void*)_buffer, 200).Fill(0x5a);
        Assert.Equal(0, Call(SystemCallNumber.Stat, name, _buffer));
        byte[] byPath = Load(_buffer, 145);
        Assert.Equal(mode, *(uint*)(_buffer + 24));
        Assert.Equal((size, 4096ul), (*(long*)(_buffer + 48), *(ulong*)(_buffer + 56)));
        Assert.Equal(path == "/" ? 8ul : 1, *(ulong*)(_buffer + 16));
        Assert.Equal(0x5a, byPath[144]);

        Assert.Equal(3, Call(SystemCallNumber.Open, name, 0));
        Assert.Equal(0, Call(SystemCallNumber.Fstat, 3, _buffer));
        Assert.Equal(byPath, Load(_buffer, 145));
        Assert.Equal(0, Call(SystemCallNumber.Newfstatat, 3, Path(""), _buffer, 0x1000));
        Assert.Equal(byPath, Load(_buffer, 145));
    }

    [Fact]
    public void Status_of_what_is_not_there_is_an_error()
    {
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Stat, Path("/a"), _buffer));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Fstat, 9, _buffer));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Fstat, 1, 0x1000));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Newfstatat, 1, Path(""), _buffer, 0));
    }

    [Fact]
    public void Descriptors_are_the_lowest_free_until_there_are_32768()
    {
        const int most = 32_768;
        ulong free = FrameAllocator.FreeFrames;
        for (int i = 3; i < most; i++)
        {
            Assert.Equal(i, Call(SystemCallNumber.Dup, 1));
        }

        Assert.Equal(-Errno.EMFILE, Call(SystemCallNumber.Open, Path("/dev/null"), 0));
        Assert.Equal(-Errno.EMFILE, Call(SystemCallNumber.Dup, 3));
        ulong[] closed = [20_000, 17, 64];
        Assert.All(closed, number => Assert.Equal(0, Call(SystemCallNumber.Close, number)));
        Assert.All(closed.Order(), number => Assert.Equal((long)number, Call(SystemCallNumber.Dup, 3)));

        for (int i = 3; i < most; i++)
        {
            Assert.Equal(0, Call(SystemCallNumber.Close, (ulong)i));
        }

        // But for the page with the path.
        Assert.Equal(free - 1, FrameAllocator.FreeFrames);
    }

    /// <summary>O_NONBLOCK and the position belong to the open file, as on Linux, not to the descriptor.</summary>
    [Fact]
    public void Duplicates_share_flags_and_position()
    {
        Assert.Equal(3, Call(SystemCallNumber.Open, Path("/etc/passwd"), 0));
        Assert.Equal(4, Call(SystemCallNumber.Dup, 3));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, 3, 4, 0x800));
        Assert.Equal(0x800, Call(SystemCallNumber.Fcntl, 4, 3));

        Assert.Equal(4, Call(SystemCallNumber.Read, 3, _buffer, 4));
        Assert.Equal(0, Call(SystemCallNumber.Close, 3));
        Assert.Equal(2, Call(SystemCallNumber.Read, 4, _buffer, 2));
        Assert.Equal(":x"u8.ToArray(), Load(_buffer, 2));
    }

    /// <summary>F_DUPFD 0, F_GETFD 1, F_SETFD 2, F_GETFL 3, F_SETFL 4, F_DUPFD_CLOEXEC 1030; O_NONBLOCK 0x800.</summary>
    [Fact]
    public void Descriptors_are_duplicated_and_controlled()
    {
        Assert.Equal(3, Call(SystemCallNumber.Dup, 1));
        Assert.Equal(10, Call(SystemCallNumber.Fcntl, 1, 1030, 10));
        Assert.Equal(11, Call(SystemCallNumber.Fcntl, 1, 0, 10));
        Assert.Equal(32_767, Call(SystemCallNumber.Fcntl, 1, 0, 32_767));
        Assert.Equal(-Errno.EMFILE, Call(SystemCallNumber.Fcntl, 1, 0, 32_767));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Fcntl, 1, 0, 32_768));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Fcntl, 1, 0, ulong.MaxValue));
        Assert.Equal(20, Call(SystemCallNumber.Dup3, 1, 20, 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Dup3, 20, 20, 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Dup3, 21, 21, 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Dup3, 1, 32_768, 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Dup3, 21, 22, 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Dup, ulong.MaxValue));

        Assert.Equal(2, Call(SystemCallNumber.Fcntl, 0, 3, 0));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, 0, 4, 0x801));
        Assert.Equal(0x802, Call(SystemCallNumber.Fcntl, 0, 3, 0));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Read, 0, _buffer, 1));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Fcntl, 0, 99, 0));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Fcntl, 5, 3, 0));
    }

    [Theory]
    [InlineData(SystemCallNumber.Read)]
    [InlineData(SystemCallNumber.Write)]
    [InlineData(SystemCallNumber.Close)]
    [InlineData(SystemCallNumber.Ioctl)]
    [InlineData(SystemCallNumber.Lseek)]
    [InlineData(SystemCallNumber.Ftruncate)]
    [InlineData(SystemCallNumber.Getdents64)]
    public void A_descriptor_that_is_not_open_is_refused(int call)
    {
        Assert.Equal(-Errno.EBADF, Call(call, 3, _buffer, 1));
        Assert.Equal(-Errno.EBADF, Call(call, ulong.MaxValue, _buffer, 1));
        Assert.Equal(-Errno.EBADF, Call(call, 64, _buffer, 1));
    }

    [Fact]
    public void All_vectors_are_filled_from_a_file()
    {
        ulong vectors = _buffer + 0x800;
        ulong[] words = [_buffer, 0, _buffer + 16, 3, _buffer + 32, 5];
        words.CopyTo(new Span<ulong>((void*)vectors, 6));
        Assert.Equal(3, Call(SystemCallNumber.Open, Path("/etc/passwd"), 0));

        Assert.Equal(8, Call(SystemCallNumber.Readv, 3, vectors, 3));
        Assert.Equal("roo"u8.ToArray(), Load(_buffer + 16, 3));
        Assert.Equal("t:x:0"u8.ToArray(), Load(_buffer + 32, 5));
        Assert.Equal(0, Call(SystemCallNumber.Readv, 3, vectors, 1));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Readv, 3, vectors, 1025));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Writev, 1, 0x1000, 1));
    }

    [Fact]
    public void The_console_is_written_with_carriage_returns()
    {
        "a\nb"u8.CopyTo(new Span<byte>((void*)_buffer, 3));
        int before = Machine.PortOutput.Count;

        Assert.Equal(3, Call(SystemCallNumber.Write, 1, _buffer, 3));

        IEnumerable<(ushort Port, int Size, uint Value)> sent = Machine.PortOutput.Skip(before).Where(write => write.Port == 0x3f8);
        Assert.Equal("a\r\nb", string.Concat(sent.Select(write => (char)write.Value)));
    }

    [Fact]
    public void A_reader_of_the_console_wakes_when_a_line_was_typed()
    {
        Spawn();
        Nucleus.Threads.Thread* reader = Park(SystemCallNumber.Read, 0, _buffer, 100);
        Queue<byte> typed = new("hi\n"u8.ToArray());
        Machine.PortInput = (port, _) => port switch
        {
            0x3fd => 0x20u | (typed.Count > 0 ? 1u : 0),
            0x3f8 => typed.Dequeue(),
            _ => 0u,
        };

        Assert.True(Trap(Vector.LegacyInterrupts + SerialPort.InterruptLine) == reader);

        Assert.Equal(3ul, reader->Frame.Rax);
        Assert.Equal("hi\n"u8.ToArray(), Load(_buffer, 3));
    }

    [Fact]
    public void The_working_directory_is_that_of_the_program_until_it_changes()
    {
        Assert.Equal(5, Call(SystemCallNumber.Getcwd, _buffer, 5));
        Assert.Equal("/app\0"u8.ToArray(), Load(_buffer, 5));
        Assert.Equal(-Errno.ERANGE, Call(SystemCallNumber.Getcwd, _buffer, 4));
        Assert.Equal(-Errno.ENOTDIR, Call(SystemCallNumber.Chdir, Path("xenlet")));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Chdir, Path("none")));
        Assert.Equal(0, Call(SystemCallNumber.Chdir, Path("..")));
        Assert.Equal(2, Call(SystemCallNumber.Getcwd, _buffer, 100));
        Assert.Equal("/\0"u8.ToArray(), Load(_buffer, 2));
        Assert.Equal(-Errno.ERANGE, Call(SystemCallNumber.Getcwd, _buffer, 1));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Getcwd, 0x1000, 100));
    }

    /// <summary>access(2): R_OK 4, W_OK 2.</summary>
    [Theory]
    [InlineData(SystemCallNumber.Access, "/dev/null", 2ul, 0)]
    [InlineData(SystemCallNumber.Access, "/etc/passwd", 4ul, 0)]
    [InlineData(SystemCallNumber.Access, "/etc/passwd", 2ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Access, "/etc/passwd", 1ul, -Errno.EACCES)]
    [InlineData(SystemCallNumber.Access, "/app/xenlet", 1ul, 0)]
    [InlineData(SystemCallNumber.Access, "/tmp", 2ul, 0)]
    [InlineData(SystemCallNumber.Access, "/none", 0ul, -Errno.ENOENT)]
    [InlineData(SystemCallNumber.Mkdir, "/etc", 0ul, -Errno.EEXIST)]
    [InlineData(SystemCallNumber.Mkdir, "/none", 0ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Rmdir, "/", 0ul, -Errno.EBUSY)]
    [InlineData(SystemCallNumber.Rmdir, "/tmp", 0ul, -Errno.EBUSY)]
    [InlineData(SystemCallNumber.Rmdir, "/etc", 0ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Unlink, "/etc/passwd", 0ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Unlink, "/etc/none", 0ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Chmod, "/etc/passwd", 0ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Truncate, "/etc/passwd", 0ul, -Errno.EROFS)]
    [InlineData(SystemCallNumber.Rename, "/none", 0ul, -Errno.EFAULT)]
    public void Outside_tmp_nothing_can_be_changed(int call, string path, ulong argument, long result) =>
        Assert.Equal(result, Call(call, Path(path), argument));

    [Theory]
    [InlineData("/", -Errno.EINVAL)]
    [InlineData("/none", -Errno.ENOENT)]
    [InlineData("/proc/self/exe", 11)]
    public void A_link_is_read(string path, long result)
    {
        Assert.Equal(result, Call(SystemCallNumber.Readlink, Path(path), _buffer, 100));
        if (result > 0)
        {
            Assert.Equal("/app/xenlet", Encoding.ASCII.GetString(Load(_buffer, (int)result)));
            Assert.Equal(4, Call(SystemCallNumber.Readlink, Path(path), _buffer, 4));
        }
    }

    private static ulong Path(string path) => Store(Encoding.ASCII.GetBytes(path + "\0"));
}
