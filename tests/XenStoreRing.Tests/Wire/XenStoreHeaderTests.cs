namespace Xenlet.XenStoreRing.Tests.Wire;

public class XenStoreHeaderTests
{
    [Fact]
    public void A_header_is_four_little_endian_words_in_the_order_of_xs_wire()
    {
        byte[] bytes = new byte[XenStoreHeader.Size];
        new XenStoreHeader(XenStoreMessageType.Write, 0x01020304, 0x05060708, 0x090a0b0c).Write(bytes);

        Assert.Equal([11, 0, 0, 0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9], bytes);
        Assert.Equal(new(XenStoreMessageType.Write, 0x01020304, 0x05060708, 0x090a0b0c), XenStoreHeader.Read(bytes));
    }

    [Theory]
    [InlineData(0, "CONTROL")]
    [InlineData(1, "DIRECTORY")]
    [InlineData(2, "READ")]
    [InlineData(3, "GET_PERMS")]
    [InlineData(4, "WATCH")]
    [InlineData(5, "UNWATCH")]
    [InlineData(6, "TRANSACTION_START")]
    [InlineData(7, "TRANSACTION_END")]
    [InlineData(8, "INTRODUCE")]
    [InlineData(9, "RELEASE")]
    [InlineData(10, "GET_DOMAIN_PATH")]
    [InlineData(11, "WRITE")]
    [InlineData(12, "MKDIR")]
    [InlineData(13, "RM")]
    [InlineData(14, "SET_PERMS")]
    [InlineData(15, "WATCH_EVENT")]
    [InlineData(16, "ERROR")]
    [InlineData(17, "IS_DOMAIN_INTRODUCED")]
    [InlineData(18, "RESUME")]
    [InlineData(19, "SET_TARGET")]
    [InlineData(20, "type 20")]
    [InlineData(21, "RESET_WATCHES")]
    [InlineData(22, "DIRECTORY_PART")]
    [InlineData(23, "GET_FEATURE")]
    [InlineData(24, "SET_FEATURE")]
    [InlineData(25, "GET_QUOTA")]
    [InlineData(26, "SET_QUOTA")]
    [InlineData(0xffff, "INVALID")]
    public void A_type_has_the_number_and_the_name_of_the_documentation(uint number, string name) =>
        Assert.Equal(name, ((XenStoreMessageType)number).ToWireName());
}
