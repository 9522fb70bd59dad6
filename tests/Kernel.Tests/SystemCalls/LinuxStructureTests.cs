namespace Xenlet.Kernel.Tests.SystemCalls;

public sealed class LinuxStructureTests
{
    /// <summary>
    /// Sizes and offsets as a C compiler gives them for Linux's headers on x86-64. clone_args is CLONE_ARGS_SIZE_VER0 long: the nucleus
    /// reads no further.
    /// </summary>
    public static TheoryData<string, int, string> Structures => new()
    {
        {
            "stat", 144, "st_dev@0 st_ino@8 st_nlink@16 st_mode@24 st_uid@28 st_gid@32 __pad0@36 st_rdev@40 st_size@48 st_blksize@56 "
            + "st_blocks@64 st_atime@72 st_atime_nsec@80 st_mtime@88 st_mtime_nsec@96 st_ctime@104 st_ctime_nsec@112 __unused@120"
        },
        { "statx_timestamp", 16, "tv_sec@0 tv_nsec@8 __reserved@12" },
        {
            "statx", 256, "stx_mask@0 stx_blksize@4 stx_attributes@8 stx_nlink@16 stx_uid@20 stx_gid@24 stx_mode@28 __spare0@30 stx_ino@32 "
            + "stx_size@40 stx_blocks@48 stx_attributes_mask@56 stx_atime@64 stx_btime@80 stx_ctime@96 stx_mtime@112 stx_rdev_major@128 "
            + "stx_rdev_minor@132 stx_dev_major@136 stx_dev_minor@140 stx_mnt_id@144 __spare3@152"
        },
        {
            "statfs", 120, "f_type@0 f_bsize@8 f_blocks@16 f_bfree@24 f_bavail@32 f_files@40 f_ffree@48 f_fsid@56 f_namelen@64 f_frsize@72 "
            + "f_flags@80 f_spare@88"
        },
        { "linux_dirent64", 19, "d_ino@0 d_off@8 d_reclen@16 d_type@18" },
        { "flock", 32, "l_type@0 l_whence@2 l_start@8 l_len@16 l_pid@24" },
        { "inotify_event", 16, "wd@0 mask@4 cookie@8 len@12" },
        { "iovec", 16, "iov_base@0 iov_len@8" },
        {
            "msghdr", 56, "msg_name@0 msg_namelen@8 msg_iov@16 msg_iovlen@24 msg_control@32 msg_controllen@40 msg_flags@48"
        },
        { "mmsghdr", 64, "msg_hdr@0 msg_len@56" },
        { "cmsghdr", 16, "cmsg_len@0 cmsg_level@8 cmsg_type@12" },
        { "pollfd", 8, "fd@0 events@4 revents@6" },
        { "epoll_event", 12, "events@0 data@4" },
        { "timespec", 16, "tv_sec@0 tv_nsec@8" },
        { "timeval", 16, "tv_sec@0 tv_usec@8" },
        { "new_utsname", 390, "sysname@0 nodename@65 release@130 version@195 machine@260 domainname@325" },
        {
            "sysinfo", 112, "uptime@0 loads@8 totalram@32 freeram@40 sharedram@48 bufferram@56 totalswap@64 freeswap@72 procs@80 pad@82 "
            + "totalhigh@88 freehigh@96 mem_unit@104"
        },
        {
            "rusage", 144, "ru_utime@0 ru_stime@16 ru_maxrss@32 ru_ixrss@40 ru_idrss@48 ru_isrss@56 ru_minflt@64 ru_majflt@72 ru_nswap@80 "
            + "ru_inblock@88 ru_oublock@96 ru_msgsnd@104 ru_msgrcv@112 ru_nsignals@120 ru_nvcsw@128 ru_nivcsw@136"
        },
        { "rlimit64", 16, "rlim_cur@0 rlim_max@8" },
        { "sigaction", 32, "sa_handler@0 sa_flags@8 sa_restorer@16 sa_mask@24" },
        { "rt_sigframe", 440, "pretcode@0 uc@8 info@312" },
        { "ucontext", 304, "uc_flags@0 uc_link@8 uc_stack@16 uc_mcontext@40 uc_sigmask@296" },
        { "stack_t", 24, "ss_sp@0 ss_flags@8 ss_size@16" },
        {
            "sigcontext_64", 256, "r8@0 r9@8 r10@16 r11@24 r12@32 r13@40 r14@48 r15@56 di@64 si@72 bp@80 bx@88 dx@96 ax@104 cx@112 "
            + "sp@120 ip@128 flags@136 cs@144 gs@146 fs@148 ss@150 err@152 trapno@160 oldmask@168 cr2@176 fpstate@184 reserved1@192"
        },
        { "siginfo_t", 128, "si_signo@0 si_errno@4 si_code@8 si_pid@16 si_uid@20 si_addr@16" },
        { "clone_args", 64, "flags@0 pidfd@8 child_tid@16 parent_tid@24 exit_signal@32 stack@40 stack_size@48 tls@56" },
    };

    [Theory]
    [MemberData(nameof(Structures))]
    public void A_structure_lies_in_memory_as_the_header_says(string name, int size, string offsets)
    {
        HeaderStructure.AssertLayout(name, size, offsets);
        Assert.Equal(HeaderStructure.Fields(name), offsets.Split(' ').Select(field => field.Split('@')[0]));
    }

    [Fact]
    public void Every_structure_of_Linux_is_in_the_table() => Assert.Equal(
        typeof(SystemCallNumber).Assembly.GetTypes()
            .Where(type => type.Namespace == "Xenlet.Kernel.Nucleus.Linux.Abi" && !type.IsNested).Select(type => type.Name).Order(),
        Structures.Select(row => (string)row[0]).Order());
}
