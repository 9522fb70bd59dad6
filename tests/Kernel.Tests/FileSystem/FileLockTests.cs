using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>flock, fcntl's locks, and mmap of files.</summary>
public sealed unsafe class FileLockTests : FileSystemTest
{
    // asm-generic/fcntl.h
    private const ulong Shared = 1;
    private const ulong Exclusive = 2;
    private const ulong AtOnce = 4;
    private const ulong Unlock = 8;

    private readonly ulong _one;
    private readonly ulong _other;

    public FileLockTests()
    {
        Create("/tmp/a", "content");
        _one = (ulong)Open("/tmp/a", O_RDWR);
        _other = (ulong)Open("/tmp/a", O_RDWR);
    }

    [Theory]
    [InlineData(Shared, Shared, 0)]
    [InlineData(Shared, Exclusive, -Errno.EAGAIN)]
    [InlineData(Exclusive, Shared, -Errno.EAGAIN)]
    [InlineData(Exclusive, Exclusive, -Errno.EAGAIN)]
    [InlineData(Unlock, Exclusive, 0)]
    public void Two_open_files_share_a_lock_or_exclude_each_other(ulong first, ulong second, long result)
    {
        Assert.Equal(0, Lock(_one, first | AtOnce));
        Assert.Equal(result, Lock(_other, second | AtOnce));

        Assert.Equal(0, Lock(_one, Unlock));
        Assert.Equal(0, Lock(_other, second | AtOnce));
    }

    [Fact]
    public void A_lock_is_changed_and_ends_with_the_open_file()
    {
        ulong copy = (ulong)Call(SystemCallNumber.Dup, _one);
        Assert.Equal(0, Lock(_one, Shared));
        Assert.Equal(0, Lock(copy, Exclusive));
        Assert.Equal(0, Close((long)_one));
        Assert.Equal(-Errno.EAGAIN, Lock(_other, Shared | AtOnce));
        Assert.Equal(0, Close((long)copy));
        Assert.Equal(0, Lock(_other, Shared | AtOnce));
        Assert.Equal(-Errno.EINVAL, Lock(_other, 3));
        Assert.Equal(-Errno.EINVAL, Lock(0, Shared));
        Assert.Equal(-Errno.EBADF, Lock(99, Shared));
    }

    [Fact]
    public void A_thread_waits_for_a_lock()
    {
        Spawn();
        Assert.Equal(0, Lock(_one, Exclusive));
        Thread* waiter = Park(SystemCallNumber.Flock, _other, Exclusive);

        _ = Enter(SystemCallNumber.Flock, _one, Unlock);

        Assert.Equal((Nucleus.Threads.ThreadState.Ready, 0ul), (waiter->State, waiter->Frame.Rax));
        Assert.Equal(2u, FileTable.Get((int)_other)->Lock);
    }

    /// <summary>F_GETLK 5, F_SETLK 6; struct flock begins with l_type: F_RDLCK 0, F_WRLCK 1, F_UNLCK 2.</summary>
    [Fact]
    public void No_other_process_is_in_the_way_of_a_lock_of_fcntl()
    {
        *(short*)Buffer = 1;
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, _one, 6, Buffer));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, _one, 5, Buffer));
        Assert.Equal(2, *(short*)Buffer);
        *(short*)Buffer = 1;
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Fcntl, (ulong)Open("/tmp/a", O_RDONLY), 6, Buffer));
        *(short*)Buffer = 7;
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Fcntl, _one, 6, Buffer));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Fcntl, _one, 6, 0x1000));
    }

    /// <summary>MAP_SHARED 1, MAP_PRIVATE 2; PROT_READ 1, PROT_WRITE 2.</summary>
    [Theory]
    [InlineData("/tmp/a", O_RDONLY, 1ul, 2ul, 0ul, 0)]
    [InlineData("/tmp/a", O_RDONLY, 3ul, 2ul, 0ul, 0)]
    [InlineData("/tmp/a", O_RDONLY, 3ul, 1ul, 0ul, -Errno.EACCES)]
    [InlineData("/tmp/a", O_WRONLY, 1ul, 2ul, 0ul, -Errno.EACCES)]
    [InlineData("/tmp/a", O_RDONLY, 1ul, 2ul, 1ul, -Errno.EINVAL)]
    [InlineData("/etc/passwd", O_RDONLY, 1ul, 1ul, 0ul, 0)]
    [InlineData("/etc", O_RDONLY, 1ul, 2ul, 0ul, -Errno.ENODEV)]
    public void A_file_is_mapped_as_a_copy(string path, ulong flags, ulong protection, ulong kind, ulong offset, long result)
    {
        ulong file = (ulong)Open(path, flags);
        long address = Call(SystemCallNumber.Mmap, 0, 10_000, protection, kind, file, offset);

        Assert.Equal(result, Math.Min(address, 0));
        if (result == 0)
        {
            Assert.Equal(Content(path), System.Text.Encoding.ASCII.GetString(Load((ulong)address, (int)Length(path))));
            Assert.Equal(0, ((byte*)address)[Length(path)]);
            Assert.Equal((protection & 2) != 0 ? 0 : -Errno.EFAULT, ProgramMemory.PrepareWrite((ulong)address, 10_000));
            Assert.Equal(0, Call(SystemCallNumber.Munmap, (ulong)address, 10_000));
        }
    }

    private static long Lock(ulong descriptor, ulong operation) => Call(SystemCallNumber.Flock, descriptor, operation);
}
