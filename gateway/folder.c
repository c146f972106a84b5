int vs_gateway_folder(void);
int vs_gateway_folder(void)
{
    return 0;
}
