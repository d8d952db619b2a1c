"""Reads a Magento 2 shop (REST V1, as of 2.4.9), which tells nothing by itself and is polled."""
